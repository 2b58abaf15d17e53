//! Shapes: every rule about them is here, checked once, and used by forward, backward, tests and documentation alike.

pub mod adaptive;
pub mod conv;
pub mod conv_transpose;
pub mod layout;
pub mod pool;
pub mod recurrent;
pub mod window;

use thiserror::Error as ThisError;

/// A call that cannot be carried out. The message names the argument, what was expected and what came; the caller adds the
/// name of the function in front.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Error {
    /// A wrong value or shape.
    #[error("{0}")]
    Value(String),
    /// A wrong type or dtype.
    #[error("{0}")]
    Type(String),
    /// A call out of order, such as a second backward.
    #[error("{0}")]
    State(String),
    /// The memory could not be had.
    #[error("{0}")]
    Memory(String),
}

impl Error {
    pub fn value(message: impl Into<String>) -> Self {
        Error::Value(message.into())
    }

    pub fn type_(message: impl Into<String>) -> Self {
        Error::Type(message.into())
    }

    /// The same error with a prefix, such as the name of the function.
    pub fn context(self, prefix: &str) -> Self {
        match self {
            Error::Value(m) => Error::Value(format!("{prefix}: {m}")),
            Error::Type(m) => Error::Type(format!("{prefix}: {m}")),
            Error::State(m) => Error::State(format!("{prefix}: {m}")),
            Error::Memory(m) => Error::Memory(format!("{prefix}: {m}")),
        }
    }
}

/// A shape as Python writes it: `(2, 3)`, `(4,)`, `()`.
pub fn tuple(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        many => format!("({})", many.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}
