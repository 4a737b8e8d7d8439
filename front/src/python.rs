//! Calls of Python functions from threads that the interpreter does not wait for when it ends.

use std::mem;
use std::thread;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

unsafe extern "C-unwind" {
    /// As in `pyo3::ffi`, but unwinding through it is allowed.
    fn PyObject_Call(
        function: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
        named: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// Python before 3.14 ends a thread that wants the GIL of an ended interpreter by unwinding its stack, which is fatal
/// for the process once it reaches a frame of Rust that catches panics. The thread stops here instead, without the GIL.
struct Unwound;

impl Drop for Unwound {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}

pub fn call<'py, A>(py: Python<'py>, function: &Py<PyAny>, arguments: A) -> PyResult<Bound<'py, PyAny>>
where
    A: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
    PyErr: From<A::Error>,
{
    let arguments = arguments.into_pyobject(py)?;
    let unwound = Unwound;
    // Both pointers are borrowed for the length of the call; what it returns is owned, or null with an exception set.
    let value = unsafe {
        let value = PyObject_Call(function.as_ptr(), arguments.as_ptr(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, value)
    };
    mem::forget(unwound);
    value
}
