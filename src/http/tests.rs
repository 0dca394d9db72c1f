//! Tests over a real listener.
