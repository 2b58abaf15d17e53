//! How the activations of a network lie in memory.

use crate::scalar::Scalar;
use crate::simd::lanes;

/// How the channels of images lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// (N, C, H, W): what callers have.
    Planes,
    /// (N, blocks, H, W, lanes): the channels along the lanes of a vector, in blocks of as many as it has. The lanes behind the
    /// last channel hold anything, and nobody reads them.
    Lanes,
}

/// The sizes of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Images {
    pub batch: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Images {
    pub fn new([batch, channels, height, width]: [usize; 4]) -> Self {
        Images { batch, channels, height, width }
    }

    pub fn shape(&self) -> [usize; 4] {
        [self.batch, self.channels, self.height, self.width]
    }

    /// Places of an image.
    pub fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Blocks of channels.
    pub fn blocks<T: Scalar>(&self) -> usize {
        self.channels.div_ceil(lanes::<T>())
    }

    /// Elements from one image to the next.
    pub fn image<T: Scalar>(&self, layout: Layout) -> usize {
        match layout {
            Layout::Planes => self.channels * self.plane(),
            Layout::Lanes => self.blocks::<T>() * self.plane() * lanes::<T>(),
        }
    }

    /// Elements of all images.
    pub fn len<T: Scalar>(&self, layout: Layout) -> usize {
        self.batch * self.image::<T>(layout)
    }
}
