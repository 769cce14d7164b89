//! stub
use crate::frames::Seconds;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: Seconds,
    pub end: Seconds,
}
