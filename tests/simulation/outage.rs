//! An hour's outage of any one part: nothing ends too early, all ends come after, and what is said is the same.
