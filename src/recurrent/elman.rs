//! The Elman network: `h_t = f(W x_t + b + U h_(t-1) + d)` with tanh or relu.
//!
//! With `dh` the gradient of the state, `dz = dh f'(z)`: `1 - h^2` for tanh, and 1 where `h > 0` for relu.

pub mod kernel;
