//! Only tests live in this package; README.md beside this file says which.
#![forbid(unsafe_code)]
