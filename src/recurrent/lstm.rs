//! Long short-term memory, with or without peepholes.
//!
//! ```text
//! i = sigmoid(z_i + p_i c_(t-1))      f = sigmoid(z_f + p_f c_(t-1))      g = tanh(z_g)
//! c_t = f c_(t-1) + i g               o = sigmoid(z_o + p_o c_t)          h_t = o tanh(c_t)
//! ```
//!
//! and back, with `dh` and `dc` the gradients that reach the state and the cell from later:
//!
//! ```text
//! dz_o = dh tanh(c_t) o (1 - o)       dc += dh o (1 - tanh(c_t)^2) + p_o dz_o
//! dz_i = dc g i (1 - i)               dz_f = dc c_(t-1) f (1 - f)         dz_g = dc i (1 - g^2)
//! dc_(t-1) = dc f + p_i dz_i + p_f dz_f
//! ```

pub mod kernel;
