#![allow(unsafe_code)]
use std::marker::PhantomData;
pub fn num_threads() -> usize {
    1
}
pub fn parallel_for(tasks: usize, body: &(dyn Fn(usize) + Sync)) {
    for i in 0..tasks {
        body(i)
    }
}
pub fn parallel_chunks_mut<T: Send>(data: &mut [T], chunk: usize, body: &(dyn Fn(usize, &mut [T]) + Sync)) {
    for (i, c) in data.chunks_mut(chunk).enumerate() {
        body(i, c)
    }
}
pub struct SharedMut<'a, T> {
    p: *mut T,
    n: usize,
    m: PhantomData<&'a mut [T]>,
}
impl<T> Clone for SharedMut<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SharedMut<'_, T> {}
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}
impl<'a, T> SharedMut<'a, T> {
    pub fn new(data: &'a mut [T]) -> Self {
        SharedMut { p: data.as_mut_ptr(), n: data.len(), m: PhantomData }
    }
    pub fn len(&self) -> usize {
        self.n
    }
    pub fn as_mut_ptr(&self) -> *mut T {
        self.p
    }
    pub unsafe fn slice(&self, start: usize, len: usize) -> &'a mut [T] {
        unsafe { std::slice::from_raw_parts_mut(self.p.add(start), len) }
    }
}
