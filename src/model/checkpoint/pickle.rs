//! Python's pickles, read as data.
//!
//! A pickle is a program for a stack machine that makes objects and calls whatever it names. The
//! machine here makes tuples and dicts; names stay names and calls are written down, so nothing can
//! be run. Nesting costs no stack: everything that was made stands in one list.

mod machine;
mod op;

use super::cursor::Fault;
use crate::files::shown;
use machine::Machine;

/// Something that a pickle made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Int(i64),
    Text(&'a str),
    /// None, booleans, floats, bytes, lists, sets, large integers: nobody asks what is in them.
    Other,
    /// What [`Pickle::node`] shows.
    Node(usize),
}

/// Something that a pickle made out of other things.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// `module.name`: a class or a function.
    Global {
        module: &'a str,
        name: &'a str,
    },
    Tuple(Box<[Value<'a>]>),
    Dict(Vec<[Value<'a>; 2]>),
    /// What calling `function` with a tuple of arguments would have made.
    Call {
        function: Value<'a>,
        arguments: Value<'a>,
    },
    /// Something outside the pickle, and what the pickle calls it.
    Persistent(Value<'a>),
}

/// All that a pickle made.
pub(super) struct Pickle<'a> {
    nodes: Vec<Node<'a>>,
    root: Value<'a>,
}

impl<'a> Pickle<'a> {
    /// Runs a pickle; faults count its bytes from 0.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let (nodes, root) = Machine::new(bytes).run()?;
        Ok(Self { nodes, root })
    }

    pub fn root(&self) -> Value<'a> {
        self.root
    }

    pub fn node(&self, value: Value<'a>) -> Option<&Node<'a>> {
        match value {
            Value::Node(index) => Some(&self.nodes[index]),
            _ => None,
        }
    }

    pub fn tuple(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match self.node(value)? {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub fn dict(&self, value: Value<'a>) -> Option<&[[Value<'a>; 2]]> {
        match self.node(value)? {
            Node::Dict(items) => Some(items),
            _ => None,
        }
    }

    pub fn global(&self, value: Value<'a>) -> Option<(&'a str, &'a str)> {
        match *self.node(value)? {
            Node::Global { module, name } => Some((module, name)),
            _ => None,
        }
    }

    /// What a message calls a value.
    pub fn describe(&self, value: Value<'a>) -> String {
        let node = match value {
            Value::Int(_) => return "a number".into(),
            Value::Text(_) => return "a text".into(),
            Value::Other => return "another value".into(),
            Value::Node(index) => &self.nodes[index],
        };
        match *node {
            Node::Global { module, name } => dotted(module, name),
            Node::Tuple(_) => "a tuple".into(),
            Node::Dict(_) => "a dict".into(),
            Node::Persistent(_) => "a bare storage".into(),
            Node::Call { function, .. } => match self.global(function) {
                Some((module, name)) => format!("a call of {}", dotted(module, name)),
                None => "a call".into(),
            },
        }
    }
}

fn dotted(module: &str, name: &str) -> String {
    format!("{}.{}", shown(module), shown(name))
}
