//! Shapes of the recurrent networks.

use super::{Error, tuple};

/// The sizes of one layer in one direction, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurrentGeometry {
    pub steps: usize,
    pub batch: usize,
    pub inputs: usize,
    pub hidden: usize,
    /// Rows of the weights per hidden unit: 1, 3 or 4.
    pub gates: usize,
    /// Steps of each sequence, at most `steps`; `None` if all have that many.
    pub lengths: Option<Vec<usize>>,
    pub reverse: bool,
}

impl RecurrentGeometry {
    /// `x` is (T, B, I), or (T, B) if it holds categories; the weights are (gates H, I) and (gates H, H).
    ///
    /// # Errors
    /// A shape that does not fit the others.
    pub fn new(
        x: &[usize],
        categories: bool,
        weight_ih: &[usize],
        weight_hh: &[usize],
        gates: usize,
        reverse: bool,
    ) -> Result<Self, Error> {
        let (hidden, inputs) = weight_sizes(weight_ih, weight_hh, gates)?;
        let (steps, batch) = match *x {
            [steps, batch] if categories => (steps, batch),
            [steps, batch, features] if !categories && features == inputs => (steps, batch),
            [_, _, features] if !categories => {
                return Err(Error::value(format!(
                    "weight_ih has shape {}, so x must have {inputs} features (axis 2), got {features}",
                    tuple(weight_ih)
                )));
            }
            _ => {
                let expected = if categories { "categories of shape (T, B)" } else { "shape (T, B, I)" };
                return Err(Error::value(format!("x must have {expected}, got {}", tuple(x))));
            }
        };
        Ok(RecurrentGeometry { steps, batch, inputs, hidden, gates, lengths: None, reverse })
    }

    /// The shape of y, of x if it has features, and of a state.
    pub fn y_shape(&self) -> [usize; 3] {
        [self.steps, self.batch, self.hidden]
    }

    pub fn x_shape(&self) -> [usize; 3] {
        [self.steps, self.batch, self.inputs]
    }

    pub fn state_shape(&self) -> [usize; 2] {
        [self.batch, self.hidden]
    }

    /// # Errors
    /// Not one state per sequence.
    pub fn check_state(&self, name: &str, shape: &[usize]) -> Result<(), Error> {
        let expected = self.state_shape();
        if shape == expected {
            return Ok(());
        }
        Err(Error::value(format!("{name} must have shape {} (B, H), got {}", tuple(&expected), tuple(shape))))
    }

    /// # Errors
    /// Not one bias per row of the weights.
    pub fn check_bias(&self, name: &str, shape: &[usize]) -> Result<(), Error> {
        let rows = self.gates * self.hidden;
        if shape == [rows] {
            return Ok(());
        }
        Err(Error::value(format!("{name} must have shape ({rows},), got {}", tuple(shape))))
    }

    /// # Errors
    /// Not (3, H).
    pub fn check_peepholes(&self, shape: &[usize]) -> Result<(), Error> {
        if shape == [3, self.hidden] {
            return Ok(());
        }
        Err(Error::value(format!("peepholes must have shape (3, {}), got {}", self.hidden, tuple(shape))))
    }

    /// Takes the length of each sequence.
    ///
    /// # Errors
    /// Not one length per sequence, or one outside `0..=steps`.
    pub fn with_lengths(mut self, shape: &[usize], lengths: &[i64]) -> Result<Self, Error> {
        if shape != [self.batch] {
            return Err(Error::value(format!("lengths must have shape ({},), got {}", self.batch, tuple(shape))));
        }
        let mut checked = Vec::with_capacity(lengths.len());
        for (b, &length) in lengths.iter().enumerate() {
            match usize::try_from(length) {
                Ok(length) if length <= self.steps => checked.push(length),
                _ => {
                    let message = format!("lengths must lie in 0..{}, got {length} at index {b}", self.steps);
                    return Err(Error::value(message));
                }
            }
        }
        self.lengths = Some(checked);
        Ok(self)
    }

    pub fn length(&self, b: usize) -> usize {
        self.lengths.as_ref().map_or(self.steps, |lengths| lengths[b])
    }

    /// `ids` has shape (T, B).
    ///
    /// # Errors
    /// A category, before its sequence's end, that is not among the inputs.
    pub fn check_categories(&self, ids: &[i64]) -> Result<(), Error> {
        let inputs = self.inputs;
        for (t, row) in ids.chunks_exact(self.batch.max(1)).enumerate() {
            for (b, &id) in row.iter().enumerate() {
                let valid = usize::try_from(id).is_ok_and(|id| id < inputs);
                if !valid && t < self.length(b) {
                    return Err(Error::value(format!(
                        "x must hold categories below {inputs} (the columns of weight_ih), got {id} at ({t}, {b})"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Hidden units and inputs.
fn weight_sizes(weight_ih: &[usize], weight_hh: &[usize], gates: usize) -> Result<(usize, usize), Error> {
    let rows = if gates == 1 { "H".to_string() } else { format!("{gates} H") };
    let &[hidden_rows, hidden] = weight_hh else {
        return Err(Error::value(format!("weight_hh must have shape ({rows}, H), got {}", tuple(weight_hh))));
    };
    if hidden_rows != gates * hidden {
        let message =
            format!("weight_hh must have shape ({rows}, H), so {} rows, got {}", gates * hidden, tuple(weight_hh));
        return Err(Error::value(message));
    }
    match *weight_ih {
        [input_rows, inputs] if input_rows == hidden_rows => Ok((hidden, inputs)),
        [input_rows, _] => Err(Error::value(format!(
            "weight_hh has shape {}, so weight_ih must have {hidden_rows} rows, got {input_rows}",
            tuple(weight_hh)
        ))),
        _ => Err(Error::value(format!("weight_ih must have shape ({rows}, I), got {}", tuple(weight_ih)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_from_the_weights() {
        let geometry = RecurrentGeometry::new(&[7, 2, 5], false, &[12, 5], &[12, 3], 4, false).unwrap();
        assert_eq!((geometry.steps, geometry.batch, geometry.inputs, geometry.hidden), (7, 2, 5, 3));
    }

    #[test]
    fn errors_name_the_argument() {
        let new = |x: &[usize], ih: &[usize], hh: &[usize]| {
            RecurrentGeometry::new(x, false, ih, hh, 3, false).unwrap_err().to_string()
        };
        assert!(new(&[7, 2, 6], &[9, 5], &[9, 3]).contains("x must have 5 features"));
        assert!(new(&[7, 2], &[9, 5], &[9, 3]).starts_with("x must"));
        assert!(new(&[7, 2, 5], &[8, 5], &[9, 3]).contains("weight_ih must have 9 rows"));
        assert!(new(&[7, 2, 5], &[9, 5], &[8, 3]).starts_with("weight_hh"));
        let geometry = RecurrentGeometry::new(&[7, 2, 5], false, &[9, 5], &[9, 3], 3, false).unwrap();
        assert!(geometry.clone().with_lengths(&[2], &[7, 8]).unwrap_err().to_string().contains("got 8 at index 1"));
        assert!(geometry.with_lengths(&[3], &[7, 7, 7]).is_err());
    }

    #[test]
    fn categories_count_only_before_the_end() {
        let geometry = RecurrentGeometry::new(&[2, 2], true, &[3, 4], &[3, 3], 1, false).unwrap();
        let geometry = geometry.with_lengths(&[2], &[2, 1]).unwrap();
        assert!(geometry.check_categories(&[0, 3, 1, 99]).is_ok());
        assert!(geometry.check_categories(&[0, 4, 1, 0]).is_err());
        assert!(geometry.check_categories(&[-1, 0, 1, 0]).is_err());
    }
}
