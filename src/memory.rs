#![allow(unsafe_code)]
pub unsafe trait Plain: Copy + 'static {}
unsafe impl Plain for f32 {}
unsafe impl Plain for f64 {}
unsafe impl Plain for i64 {}
unsafe impl Plain for i32 {}
unsafe impl Plain for u8 {}
unsafe impl Plain for u32 {}
unsafe impl Plain for u64 {}
pub fn with_scratch<T: Plain, R>(len: usize, body: impl FnOnce(&mut [T]) -> R) -> R {
    let mut v: Vec<T> = vec![unsafe { std::mem::zeroed() }; len];
    body(&mut v)
}
