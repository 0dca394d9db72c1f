//! What a probe costs.

fn main() {}
