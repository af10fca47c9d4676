//! Reading and writing of session descriptions.
