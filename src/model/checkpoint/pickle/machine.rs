//! The stack machine that a pickle is a program for.
//!
//! It knows what protocols 2 to 5 can do, but for numbered classes and memory outside the file.

use std::collections::HashMap;

use super::super::cursor::{Cursor, Fault};
use super::{Node, Value, op};

/// Far above any checkpoint (one of ViT-L/14 in training takes some 140,000), and few enough that
/// what the worst of pickles makes stays below 64 MB.
const STEPS: usize = 1 << 19;

pub(super) struct Machine<'a> {
    cursor: Cursor<'a>,
    /// Where the opcode stands that is being run.
    opcode_at: usize,
    stack: Vec<Value<'a>>,
    /// Heights of the stack, to which opcodes of many values go back.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    nodes: Vec<Node<'a>>,
}

impl<'a> Machine<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(bytes, 0),
            opcode_at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            nodes: Vec::new(),
        }
    }

    /// Runs the pickle: all that it made, and what it is about.
    pub fn run(mut self) -> Result<(Vec<Node<'a>>, Value<'a>), Fault> {
        for _ in 0..STEPS {
            if let Some(root) = self.step()? {
                return Ok((self.nodes, root));
            }
        }
        Err(self.fault(format!("a pickle of more than {STEPS} steps")))
    }

    /// Runs one opcode; the last gives what the pickle is about.
    fn step(&mut self) -> Result<Option<Value<'a>>, Fault> {
        self.opcode_at = self.cursor.at();
        let opcode = self.cursor.u8()?;
        match opcode {
            op::STOP => return self.pop().map(Some),
            op::PROTO => {
                let protocol = self.cursor.u8()?;
                if !(2..=5).contains(&protocol) {
                    let problem = format!("expected pickle protocol 2 to 5, found {protocol}");
                    return Err(self.fault(problem));
                }
            }
            op::FRAME => drop(self.cursor.u64()?),

            op::MARK => self.marks.push(self.stack.len()),
            op::POP => drop(self.pop()?),
            op::POP_MARK => drop(self.pop_mark()?),
            op::DUP => {
                let top = self.top()?;
                self.stack.push(top);
            }

            op::NONE | op::NEWTRUE | op::NEWFALSE | op::EMPTY_LIST | op::EMPTY_SET => {
                self.stack.push(Value::Other);
            }
            op::BINFLOAT => self.skip(8)?,
            op::BININT => {
                let value = self.cursor.i32()?;
                self.stack.push(Value::Int(value.into()));
            }
            op::BININT1 => {
                let value = self.cursor.u8()?;
                self.stack.push(Value::Int(value.into()));
            }
            op::BININT2 => {
                let value = self.cursor.u16()?;
                self.stack.push(Value::Int(value.into()));
            }
            op::LONG1 => {
                let length = self.cursor.u8()?;
                self.long(length.into())?;
            }
            op::LONG4 => {
                let length = self.cursor.u32()?;
                self.long(length.into())?;
            }
            op::SHORT_BINBYTES => {
                let length = self.cursor.u8()?;
                self.skip(length.into())?;
            }
            op::BINBYTES => {
                let length = self.cursor.u32()?;
                self.skip(length.into())?;
            }
            op::BINBYTES8 | op::BYTEARRAY8 => {
                let length = self.cursor.u64()?;
                self.skip(length)?;
            }
            op::SHORT_BINUNICODE => {
                let length = self.cursor.u8()?;
                self.text(length.into())?;
            }
            op::BINUNICODE => {
                let length = self.cursor.u32()?;
                self.text(length.into())?;
            }
            op::BINUNICODE8 => {
                let length = self.cursor.u64()?;
                self.text(length)?;
            }

            op::EMPTY_TUPLE => self.push(Node::Tuple(Box::default())),
            op::EMPTY_DICT => self.push(Node::Dict(Vec::new())),
            op::TUPLE1 => self.tuple(1)?,
            op::TUPLE2 => self.tuple(2)?,
            op::TUPLE3 => self.tuple(3)?,
            op::TUPLE => {
                let items = self.pop_mark()?.into();
                self.push(Node::Tuple(items));
            }
            op::FROZENSET => {
                self.pop_mark()?;
                self.stack.push(Value::Other);
            }
            op::APPEND => drop(self.pop()?),
            op::APPENDS | op::ADDITEMS => drop(self.pop_mark()?),
            op::SETITEM => {
                let [key, value] = self.pop_array()?;
                self.set(&[key, value])?;
            }
            op::SETITEMS => {
                let items = self.pop_mark()?;
                self.set(&items)?;
            }

            op::GLOBAL => {
                let (module, name) = (self.cursor.line()?, self.cursor.line()?);
                self.push(Node::Global { module, name });
            }
            op::STACK_GLOBAL => match self.pop_array()? {
                [Value::Text(module), Value::Text(name)] => {
                    self.push(Node::Global { module, name });
                }
                _ => return Err(self.fault("expected the name of a class or function")),
            },
            op::REDUCE | op::NEWOBJ => {
                let [function, arguments] = self.pop_array()?;
                self.call(function, arguments);
            }
            op::NEWOBJ_EX => {
                let [function, arguments, _] = self.pop_array()?;
                self.call(function, arguments);
            }
            // Attributes: no tensor has any that matter.
            op::BUILD => {
                self.pop()?;
                self.top()?;
            }
            op::BINPERSID => {
                let id = self.pop()?;
                self.push(Node::Persistent(id));
            }

            op::BINPUT => {
                let index = self.cursor.u8()?;
                self.memorize(index.into())?;
            }
            op::LONG_BINPUT => {
                let index = self.cursor.u32()?;
                self.memorize(index)?;
            }
            op::MEMOIZE => self.memorize(self.memo.len() as u32)?,
            op::BINGET => {
                let index = self.cursor.u8()?;
                self.recall(index.into())?;
            }
            op::LONG_BINGET => {
                let index = self.cursor.u32()?;
                self.recall(index)?;
            }

            _ => {
                let problem = format!("pickle opcode {opcode:#04x}, which torch.save never writes");
                return Err(self.fault(problem));
            }
        }
        Ok(None)
    }

    fn push(&mut self, node: Node<'a>) {
        self.stack.push(Value::Node(self.nodes.len()));
        self.nodes.push(node);
    }

    fn fault(&self, problem: impl Into<String>) -> Fault {
        Fault {
            byte: self.opcode_at,
            problem: problem.into(),
        }
    }

    /// The height below which opcodes cannot reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or_default()
    }

    fn top(&self) -> Result<Value<'a>, Fault> {
        match self.stack.get(self.floor()..) {
            Some([.., top]) => Ok(*top),
            _ => Err(self.fault("expected a value on the pickle's stack")),
        }
    }

    fn pop(&mut self) -> Result<Value<'a>, Fault> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// The topmost values, the last on top.
    fn pop_array<const N: usize>(&mut self) -> Result<[Value<'a>; N], Fault> {
        let mut values = [Value::Other; N];
        for value in values.iter_mut().rev() {
            *value = self.pop()?;
        }
        Ok(values)
    }

    /// The values above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<Value<'a>>, Fault> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.drain(mark..).collect()),
            None => Err(self.fault("expected a mark on the pickle's stack")),
        }
    }

    fn skip(&mut self, length: u64) -> Result<(), Fault> {
        self.cursor.take(to_usize(length))?;
        self.stack.push(Value::Other);
        Ok(())
    }

    fn text(&mut self, length: u64) -> Result<(), Fault> {
        let text = self.cursor.text(to_usize(length))?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    /// An integer in two's complement, of any length.
    fn long(&mut self, length: u64) -> Result<(), Fault> {
        let bytes = self.cursor.take(to_usize(length))?;
        let value = match (bytes.len(), bytes.last()) {
            (..=8, last) => {
                let negative = last.is_some_and(|&byte| byte >= 0x80);
                let mut wide = [if negative { 0xff } else { 0 }; 8];
                wide[..bytes.len()].copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            _ => Value::Other,
        };
        self.stack.push(value);
        Ok(())
    }

    fn tuple(&mut self, count: usize) -> Result<(), Fault> {
        let start = (self.stack.len().checked_sub(count)).filter(|&start| start >= self.floor());
        let Some(start) = start else {
            return Err(self.fault("expected a tuple's values on the pickle's stack"));
        };
        let items = self.stack.drain(start..).collect();
        self.push(Node::Tuple(items));
        Ok(())
    }

    /// Written down, but for the one class that state dicts are made of.
    fn call(&mut self, function: Value<'a>, arguments: Value<'a>) {
        let is_ordered_dict = match function {
            Value::Node(index) => matches!(
                self.nodes[index],
                Node::Global {
                    module: "collections",
                    name: "OrderedDict"
                }
            ),
            _ => false,
        };
        self.push(match is_ordered_dict {
            true => Node::Dict(Vec::new()),
            false => Node::Call {
                function,
                arguments,
            },
        });
    }

    fn set(&mut self, items: &[Value<'a>]) -> Result<(), Fault> {
        if let (pairs, []) = items.as_chunks()
            && let Value::Node(index) = self.top()?
        {
            match &mut self.nodes[index] {
                Node::Dict(dict) => {
                    dict.extend(pairs);
                    return Ok(());
                }
                // A dict of a class of its own.
                Node::Call { .. } => return Ok(()),
                _ => (),
            }
        }
        Err(self.fault("expected a dict on the pickle's stack, then pairs"))
    }

    fn memorize(&mut self, index: u32) -> Result<(), Fault> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<(), Fault> {
        let Some(&value) = self.memo.get(&index) else {
            let problem = format!("expected entry {index} of the pickle's memo, found none");
            return Err(self.fault(problem));
        };
        self.stack.push(value);
        Ok(())
    }
}

/// What no file can hold stays what no file can hold.
fn to_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
