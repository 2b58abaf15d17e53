//! The gated recurrent unit, with the reset gate after or before the product with the weights.
//!
//! ```text
//! r = sigmoid(z_r)      z = sigmoid(z_z)      h_t = (1 - z) n + z h_(t-1)
//! after:   n = tanh(W_n x_t + b_n + r q),  q = U_n h_(t-1) + d_n
//! before:  n = tanh(W_n x_t + b_n + U_n (r h_(t-1)) + d_n)
//! ```
//!
//! and back, with `dh` the gradient that reaches the state from later:
//!
//! ```text
//! dz_z = dh (h_(t-1) - n) z (1 - z)      dz_n = dh (1 - z) (1 - n^2)      dh_(t-1) = dh z + (through the weights)
//! after:   dq = dz_n r,                     dz_r = dz_n q r (1 - r)
//! before:  e = U_n^T dz_n,                  dz_r = e h_(t-1) r (1 - r),      dh_(t-1) += e r
//! ```

pub mod kernel;
