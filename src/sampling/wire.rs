//! The protocol buffers wire format, read from memory: nothing is copied, every error knows its place.

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The byte, counted from the start of the whole file, at which reading stopped making sense.
    pub offset: usize,
    pub field: &'static str,
    pub message: String,
}

impl Malformed {
    pub fn new<R>(offset: usize, field: &'static str, message: impl Into<String>) -> Result<R, Malformed> {
        Err(Malformed { offset, field, message: message.into() })
    }
}

/// A message, or packed numbers, somewhere in a file.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The file up to the end of this message.
    data: &'a [u8],
    position: usize,
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub number: u64,
    /// Where its key begins.
    pub offset: usize,
    value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Varint(u64),
    Fixed,
    Bytes(Reader<'a>),
}

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Reader<'a> {
        Reader { data, position: 0 }
    }

    pub fn position(&self) -> usize {
        self.position
    }

    pub fn is_empty(&self) -> bool {
        self.position == self.data.len()
    }

    /// The bytes that are left.
    pub fn bytes(&self) -> &'a [u8] {
        &self.data[self.position..]
    }

    /// A number of up to ten bytes, seven bits each, the lowest first.
    #[inline]
    pub fn varint(&mut self, field: &'static str) -> Result<u64, Malformed> {
        let start = self.position;
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let Some(&byte) = self.data.get(self.position) else {
                return Malformed::new(start, field, "the number is cut off");
            };
            self.position += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Malformed::new(start, field, "the number has more than 64 bits")
    }

    /// The next field, or `None` at the end of the message.
    #[inline]
    pub fn next(&mut self, within: &'static str) -> Result<Option<Field<'a>>, Malformed> {
        if self.is_empty() {
            return Ok(None);
        }
        let offset = self.position;
        let key = self.varint(within)?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint(within)?),
            1 => self.skip(8, within)?,
            2 => {
                let length = self.varint(within)?;
                Value::Bytes(self.take(length, offset, within)?)
            }
            5 => self.skip(4, within)?,
            wire_type => return Malformed::new(offset, within, format!("wire type {wire_type} is not in use")),
        };
        if key >> 3 == 0 || key >> 3 >= 1 << 29 {
            return Malformed::new(offset, within, format!("field number {} does not exist", key >> 3));
        }
        Ok(Some(Field { number: key >> 3, offset, value }))
    }

    fn take(&mut self, length: u64, offset: usize, within: &'static str) -> Result<Reader<'a>, Malformed> {
        let left = self.data.len() - self.position;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                let reader = Reader { data: &self.data[..self.position + length], position: self.position };
                self.position += length;
                Ok(reader)
            }
            _ => Malformed::new(offset, within, format!("{length} bytes are announced, {left} are left")),
        }
    }

    fn skip(&mut self, length: u64, within: &'static str) -> Result<Value<'a>, Malformed> {
        self.take(length, self.position, within).map(|_| Value::Fixed)
    }
}

impl<'a> Field<'a> {
    pub fn number(&self, name: &'static str) -> Result<u64, Malformed> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Malformed::new(self.offset, name, "a number is expected here"),
        }
    }

    pub fn signed(&self, name: &'static str) -> Result<i64, Malformed> {
        Ok(self.number(name)? as i64)
    }

    pub fn message(&self, name: &'static str) -> Result<Reader<'a>, Malformed> {
        match self.value {
            Value::Bytes(reader) => Ok(reader),
            _ => Malformed::new(self.offset, name, "a message or text is expected here"),
        }
    }

    /// Calls `take` with each number of a repeated field, packed or not, and the place where it lies.
    #[inline]
    pub fn numbers(
        &self,
        name: &'static str,
        mut take: impl FnMut(u64, usize) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match self.value {
            Value::Varint(value) => take(value, self.offset),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    let offset = packed.position;
                    take(packed.varint(name)?, offset)?;
                }
                Ok(())
            }
            Value::Fixed => Malformed::new(self.offset, name, "numbers are expected here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset_of(data: &[u8]) -> usize {
        let mut reader = Reader::new(data);
        loop {
            match reader.next("test") {
                Ok(Some(_)) => {}
                Ok(None) => panic!("nothing wrong"),
                Err(error) => return error.offset,
            }
        }
    }

    #[test]
    fn numbers_have_up_to_ten_bytes() {
        let varint = |data: &[u8]| Reader::new(data).varint("n");
        assert_eq!(varint(&[0]), Ok(0));
        assert_eq!(varint(&[0xac, 0x02]), Ok(300));
        assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), Ok(u64::MAX));
        assert!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).is_err());
        assert!(varint(&[0x80; 11]).is_err());
        assert!(varint(&[0x80; 3]).is_err());
        assert!(varint(&[]).is_err());
    }

    #[test]
    fn fields_are_skipped_by_their_wire_type() {
        let data = [0x08, 5, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 2, 9, 9, 0x25, 1, 2, 3, 4];
        let mut reader = Reader::new(&data);
        let mut seen = Vec::new();
        while let Some(field) = reader.next("test").unwrap() {
            seen.push((field.number, field.offset));
        }
        assert_eq!(seen, [(1, 0), (2, 2), (3, 11), (4, 15)]);
    }

    #[test]
    fn numbers_may_be_packed_or_not() {
        let mut reader = Reader::new(&[0x08, 5, 0x0a, 3, 1, 0x80, 1]);
        let mut seen = Vec::new();
        while let Some(field) = reader.next("test").unwrap() {
            let mut keep = |value, offset| {
                seen.push((value, offset));
                Ok(())
            };
            field.numbers("n", &mut keep).unwrap();
        }
        assert_eq!(seen, [(5, 0), (1, 4), (128, 5)]);
    }

    #[test]
    fn broken_fields_tell_their_place() {
        assert_eq!(offset_of(&[0x08, 1, 0x0b]), 2); // a group
        assert_eq!(offset_of(&[0x08, 1, 0x08]), 3); // a key without its number
        assert_eq!(offset_of(&[0x08, 1, 0x0a, 9, 1]), 2); // nine bytes announced
        assert_eq!(offset_of(&[0x00, 1]), 0); // field 0
        assert_eq!(offset_of(&[0x09, 1]), 1); // eight bytes wanted
    }
}
