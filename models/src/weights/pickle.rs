//! A pickle, read as data: the few instructions that saved tensors consist of, and nothing that would call anything.
//!
//! A pickle is a program for a stack machine that may call any function of any Python module, which is how a weights file takes over
//! a computer. Here there is no Python: instructions build numbers, texts, lists and dictionaries. A name of a module is a name, and
//! the only calls are `collections.OrderedDict()` and PyTorch's two that wrap stored numbers as a tensor, both of which are
//! interpreted here. Everything else is refused by name. (The instructions: CPython's `pickletools`, protocols 2 to 5.)
//!
//! Values lie in an arena and refer to each other by index, so that a value that holds itself costs nothing and no depth
//! of nesting can exhaust the stack. Each instruction makes at most one value of the arena, which bounds memory by the length of
//! the file.

use std::collections::HashMap;

/// A value's place in the arena.
type Place = usize;

/// A value of the stack machine.
#[derive(Debug, Clone, PartialEq)]
enum Object {
    Mark,
    None,
    Bool,
    Integer(i64),
    Float,
    Text(String),
    Tuple(Vec<Place>),
    List,
    Dictionary(Vec<(Place, Place)>),
    Global(String, String),
    Storage(Storage),
    Tensor(SavedTensor),
}

/// A run of numbers in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Storage {
    /// PyTorch's name of the type of its elements, without `Storage`: `Float`, `Half`, `Long`, …
    pub(crate) kind: String,
    /// Name of its file in the archive.
    pub(crate) key: String,
    /// Number of its elements.
    pub(crate) elements: u64,
}

/// A tensor as a view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedTensor {
    pub(crate) storage: Storage,
    /// Index of its first element in the storage.
    pub(crate) offset: u64,
    pub(crate) shape: Vec<u64>,
    /// Distance between neighbours along each axis, in elements.
    pub(crate) strides: Vec<u64>,
}

/// The tensors of a saved dictionary by name; entries that are no tensors have none.
pub(crate) fn saved_tensors(bytes: &[u8]) -> Result<Vec<(String, Option<SavedTensor>)>, String> {
    let mut machine = Machine { bytes, position: 0, stack: Vec::new(), arena: Vec::new(), memo: HashMap::new() };
    let result = machine.run()?;
    let Object::Dictionary(entries) = &machine.arena[result] else {
        return Err("it holds no dictionary of tensors".to_owned());
    };
    let named = entries.iter().map(|&(key, value)| match (&machine.arena[key], &machine.arena[value]) {
        (Object::Text(name), Object::Tensor(tensor)) => Ok((name.clone(), Some(tensor.clone()))),
        (Object::Text(name), _) => Ok((name.clone(), None)),
        _ => Err("a key of its dictionary is no text".to_owned()),
    });
    named.collect()
}

struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    stack: Vec<Place>,
    arena: Vec<Object>,
    memo: HashMap<u32, Place>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Place, String> {
        loop {
            let at = self.position;
            let instruction = self.take::<1>()?[0];
            match instruction {
                b'.' => return self.pop(),
                _ => self.step(instruction).map_err(|reason| format!("byte {at}: {reason}"))?,
            }
        }
    }

    // One arm for each instruction; splitting them would scatter the list of what is allowed.
    fn step(&mut self, instruction: u8) -> Result<(), String> {
        match instruction {
            0x80 => self.protocol(),
            // FRAME: a hint for readers from streams.
            0x95 => self.take::<8>().map(drop),
            b'(' => self.push(Object::Mark),
            b'N' => self.push(Object::None),
            0x88 | 0x89 => self.push(Object::Bool),
            b'K' => self.take::<1>().and_then(|[byte]| self.push(Object::Integer(byte.into()))),
            b'M' => self.take::<2>().and_then(|bytes| self.push(Object::Integer(u16::from_le_bytes(bytes).into()))),
            b'J' => self.take::<4>().and_then(|bytes| self.push(Object::Integer(i32::from_le_bytes(bytes).into()))),
            0x8a => self.long(),
            b'G' => self.take::<8>().and_then(|_| self.push(Object::Float)),
            b'X' => self.take::<4>().and_then(|bytes| self.text(u32::from_le_bytes(bytes).into())),
            0x8c => self.take::<1>().and_then(|[length]| self.text(length.into())),
            0x8d => self.take::<8>().and_then(|bytes| self.text(u64::from_le_bytes(bytes))),
            b')' => self.push(Object::Tuple(Vec::new())),
            0x85..=0x87 => {
                let count = usize::from(instruction - 0x84);
                let parts = self.pop_several(count)?;
                self.push(Object::Tuple(parts))
            }
            b't' => {
                let parts = self.pop_to_mark()?;
                self.push(Object::Tuple(parts))
            }
            b']' => self.push(Object::List),
            b'}' => self.push(Object::Dictionary(Vec::new())),
            b'a' => self.pop().and_then(|_| self.expect_list()),
            b'e' => self.pop_to_mark().and_then(|_| self.expect_list()),
            b's' => {
                let pair = self.pop_several(2)?;
                self.insert(&pair)
            }
            b'u' => {
                let pairs = self.pop_to_mark()?;
                self.insert(&pairs)
            }
            b'c' => self.global(),
            0x93 => self.stack_global(),
            b'R' => self.call(),
            b'b' => self.build(),
            b'Q' => self.storage(),
            b'q' => self.take::<1>().and_then(|[index]| self.remember(index.into())),
            b'r' => self.take::<4>().and_then(|bytes| self.remember(u32::from_le_bytes(bytes))),
            0x94 => self.remember(u32::try_from(self.memo.len()).map_err(|_| "too many values".to_owned())?),
            b'h' => self.take::<1>().and_then(|[index]| self.recall(index.into())),
            b'j' => self.take::<4>().and_then(|bytes| self.recall(u32::from_le_bytes(bytes))),
            other => Err(format!("the instruction {other:#04x} is none that saved tensors need")),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let end = self.position.checked_add(N);
        let taken = end.and_then(|end| self.bytes.get(self.position..end)).ok_or("it ends too early")?;
        self.position += N;
        Ok(taken.try_into().expect("a slice of N bytes"))
    }

    fn slice(&mut self, length: u64) -> Result<&'a [u8], String> {
        let end = usize::try_from(length).ok().and_then(|length| self.position.checked_add(length));
        let end = end.filter(|&end| end <= self.bytes.len()).ok_or("it ends too early")?;
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.position..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("it ends too early")?;
        let line = std::str::from_utf8(&rest[..length]).map_err(|error| error.to_string())?.to_owned();
        self.position += length + 1;
        Ok(line)
    }

    fn push(&mut self, object: Object) -> Result<(), String> {
        self.arena.push(object);
        self.stack.push(self.arena.len() - 1);
        Ok(())
    }

    fn pop(&mut self) -> Result<Place, String> {
        let place = self.stack.pop().ok_or("a value is taken from an empty stack")?;
        if self.arena[place] == Object::Mark { Err("a mark is taken for a value".to_owned()) } else { Ok(place) }
    }

    fn pop_several(&mut self, count: usize) -> Result<Vec<Place>, String> {
        let mut taken = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        taken.reverse();
        Ok(taken)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Place>, String> {
        let mark = self.stack.iter().rposition(|&place| self.arena[place] == Object::Mark);
        let mark = mark.ok_or("there is no mark on the stack")?;
        let taken = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(taken)
    }

    fn protocol(&mut self) -> Result<(), String> {
        match self.take::<1>()? {
            [2..=5] => Ok(()),
            [other] => Err(format!("it is of protocol {other}, but 2 to 5 are read")),
        }
    }

    /// A whole number of up to eight bytes.
    fn long(&mut self) -> Result<(), String> {
        let [length] = self.take::<1>()?;
        let bytes = self.slice(length.into())?;
        if bytes.len() > 8 {
            return Err("a whole number of more than 64 bits".to_owned());
        }
        let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
        let mut whole = [fill; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        self.push(Object::Integer(i64::from_le_bytes(whole)))
    }

    fn text(&mut self, length: u64) -> Result<(), String> {
        let text = std::str::from_utf8(self.slice(length)?).map_err(|error| error.to_string())?.to_owned();
        self.push(Object::Text(text))
    }

    fn expect_list(&mut self) -> Result<(), String> {
        match self.stack.last().map(|&place| &self.arena[place]) {
            // What lists hold is nothing that tensors need.
            Some(Object::List) => Ok(()),
            _ => Err("something is appended to what is no list".to_owned()),
        }
    }

    fn insert(&mut self, keys_and_values: &[Place]) -> Result<(), String> {
        let place = *self.stack.last().ok_or("an entry without a dictionary")?;
        let Object::Dictionary(entries) = &mut self.arena[place] else {
            return Err("an entry is set in what is no dictionary".to_owned());
        };
        if !keys_and_values.len().is_multiple_of(2) {
            return Err("a key without a value".to_owned());
        }
        entries.extend(keys_and_values.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn global(&mut self) -> Result<(), String> {
        let (module, name) = (self.line()?, self.line()?);
        self.named(module, name)
    }

    fn stack_global(&mut self) -> Result<(), String> {
        let parts = self.pop_several(2)?;
        match (&self.arena[parts[0]], &self.arena[parts[1]]) {
            (Object::Text(module), Object::Text(name)) => self.named(module.clone(), name.clone()),
            _ => Err("a name that is no text".to_owned()),
        }
    }

    /// Only names that are known are taken at all.
    fn named(&mut self, module: String, name: String) -> Result<(), String> {
        let allowed = match (&module[..], &name[..]) {
            ("collections", "OrderedDict") => true,
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_parameter") => true,
            ("torch", name) => name.ends_with("Storage"),
            _ => false,
        };
        match allowed {
            true => self.push(Object::Global(module, name)),
            false => {
                Err(format!("it names `{module}.{name}`, which saved tensors do not need and which is not called"))
            }
        }
    }

    fn call(&mut self) -> Result<(), String> {
        let parts = self.pop_several(2)?;
        let (Object::Global(_, name), Object::Tuple(arguments)) = (&self.arena[parts[0]], &self.arena[parts[1]]) else {
            return Err("a call of what is no name".to_owned());
        };
        let object = match (&name[..], &arguments[..]) {
            ("OrderedDict", []) => Object::Dictionary(Vec::new()),
            ("_rebuild_tensor_v2", [storage, offset, shape, strides, ..]) => {
                Object::Tensor(self.tensor(*storage, *offset, *shape, *strides)?)
            }
            ("_rebuild_parameter", [data, ..]) => match &self.arena[*data] {
                Object::Tensor(tensor) => Object::Tensor(tensor.clone()),
                _ => return Err("a parameter that is no tensor".to_owned()),
            },
            (name, _) => return Err(format!("`{name}` is called in a way that saved tensors do not need")),
        };
        self.push(object)
    }

    fn tensor(&self, storage: Place, offset: Place, shape: Place, strides: Place) -> Result<SavedTensor, String> {
        let Object::Storage(storage) = &self.arena[storage] else { return Err("a tensor without storage".to_owned()) };
        let size = |place: &Place| match &self.arena[*place] {
            Object::Integer(size) => u64::try_from(*size).map_err(|_| "a negative size".to_owned()),
            _ => Err("a size that is no whole number".to_owned()),
        };
        let sizes = |place: Place| match &self.arena[place] {
            Object::Tuple(parts) => parts.iter().map(size).collect::<Result<Vec<_>, _>>(),
            _ => Err("sizes that are no tuple".to_owned()),
        };
        let (offset, shape, strides) = (size(&offset)?, sizes(shape)?, sizes(strides)?);
        if shape.len() != strides.len() {
            return Err("a tensor with another number of strides than of axes".to_owned());
        }
        let tensor = SavedTensor { storage: storage.clone(), offset, shape, strides };
        match tensor.end() {
            Some(end) if end <= tensor.storage.elements => Ok(tensor),
            _ => Err("a tensor that reaches beyond its storage".to_owned()),
        }
    }

    /// Attributes that PyTorch hangs on a dictionary, such as versions of modules, belong to no tensor.
    fn build(&mut self) -> Result<(), String> {
        self.pop()?;
        match self.stack.last().map(|&place| &self.arena[place]) {
            Some(Object::Dictionary(_)) => Ok(()),
            _ => Err("the state of an object is set that is no dictionary".to_owned()),
        }
    }

    /// A persistent identifier: `("storage", type, key, device, elements)`.
    fn storage(&mut self) -> Result<(), String> {
        let place = self.pop()?;
        let Object::Tuple(parts) = &self.arena[place] else { return Err("an identifier that is no tuple".to_owned()) };
        let parts: Vec<&Object> = parts.iter().map(|&part| &self.arena[part]).collect();
        let [
            Object::Text(what),
            Object::Global(_, kind),
            Object::Text(key),
            Object::Text(_),
            Object::Integer(elements),
            ..,
        ] = parts[..]
        else {
            return Err("an identifier that names no storage".to_owned());
        };
        let (Some(kind), Ok(elements), "storage") = (kind.strip_suffix("Storage"), u64::try_from(*elements), &what[..])
        else {
            return Err("an identifier that names no storage".to_owned());
        };
        let storage = Storage { kind: kind.to_owned(), key: key.clone(), elements };
        self.push(Object::Storage(storage))
    }

    fn remember(&mut self, index: u32) -> Result<(), String> {
        let place = *self.stack.last().ok_or("nothing to remember")?;
        self.memo.insert(index, place);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<(), String> {
        let place = *self.memo.get(&index).ok_or("a value is recalled that was never remembered")?;
        self.stack.push(place);
        Ok(())
    }
}

impl SavedTensor {
    /// Elements of the tensor; none if they cannot be counted.
    pub(crate) fn elements(&self) -> Option<u64> {
        self.shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size))
    }

    /// One behind the last element of the storage that the tensor sees.
    pub(crate) fn end(&self) -> Option<u64> {
        if self.elements()? == 0 {
            return Some(self.offset);
        }
        let reach = |sum: u64, (&size, &stride): (&u64, &u64)| sum.checked_add((size - 1).checked_mul(stride)?);
        self.shape.iter().zip(&self.strides).try_fold(self.offset, reach)?.checked_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"a": tensor of shape}` as PyTorch writes it, with 4 stored numbers.
    fn pickle(shape: &[u8], strides: &[u8], offset: u8) -> Vec<u8> {
        let tuple = |sizes: &[u8]| {
            let mut bytes = vec![b'('];
            sizes.iter().for_each(|&size| bytes.extend([b'K', size]));
            bytes.push(b't');
            bytes
        };
        let mut bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ".to_vec();
        bytes.extend([b'K', offset]);
        bytes.extend(tuple(shape));
        bytes.extend(tuple(strides));
        bytes.extend(b"\x89ccollections\nOrderedDict\n)RtRu.");
        bytes
    }

    #[test]
    fn a_saved_tensor_is_read_with_its_place_in_the_storage() {
        let tensors = saved_tensors(&pickle(&[2, 2], &[1, 2], 0)).unwrap();
        let [(name, Some(tensor))] = &tensors[..] else { panic!("one tensor") };
        assert_eq!((&name[..], &tensor.shape[..], &tensor.strides[..]), ("a", &[2, 2][..], &[1, 2][..]));
        assert_eq!((&tensor.storage.kind[..], tensor.storage.elements), ("Float", 4));
    }

    #[test]
    fn a_tensor_that_reaches_beyond_its_storage_is_refused() {
        for (shape, strides, offset) in [(&[2, 2], &[2, 1], 1), (&[2, 3], &[2, 1], 0), (&[255, 255], &[255, 255], 255)]
        {
            let error = saved_tensors(&pickle(shape, strides, offset)).unwrap_err();
            assert!(error.contains("beyond its storage"), "{error}");
        }
    }

    #[test]
    fn a_pickle_that_would_call_something_is_refused_by_the_name_of_it() {
        for (bytes, name) in [
            (&b"cos\nsystem\n(X\x02\x00\x00\x00idtR."[..], "os.system"),
            (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
            (b"cbuiltins\neval\n(X\x01\x00\x00\x001tR.", "builtins.eval"),
            (b"ctorch._utils\n_rebuild_tensor\n.", "torch._utils._rebuild_tensor"),
            (b"ctorch\nload\n.", "torch.load"),
            // INST, OBJ, NEWOBJ and EXT1 make objects in other ways.
            (b"(ios\nsystem\n.", "0x69"),
            (b"(o.", "0x6f"),
            (b"}}\x81.", "0x81"),
            (b"\x82\x01.", "0x82"),
        ] {
            let error = saved_tensors(bytes).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn calls_of_known_names_with_other_arguments_are_refused() {
        for bytes in [
            &b"ccollections\nOrderedDict\n(}tR."[..],
            b"ctorch\nFloatStorage\n)R.",
            b"ctorch._utils\n_rebuild_parameter\n(}tR.",
            b"ctorch._utils\n_rebuild_tensor_v2\n(}K\x00))tR.",
        ] {
            assert!(saved_tensors(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_pickle_cut_or_changed_anywhere_is_an_error_or_a_dictionary_and_never_a_panic() {
        let whole = pickle(&[2, 2], &[2, 1], 0);
        for kept in 0..whole.len() {
            assert!(saved_tensors(&whole[..kept]).is_err(), "{kept}");
        }
        for position in 0..whole.len() {
            for byte in 0..=255 {
                let mut changed = whole.clone();
                changed[position] = byte;
                let _ = saved_tensors(&changed);
            }
        }
    }

    #[test]
    fn a_value_that_holds_itself_costs_nothing() {
        let error = saved_tensors(b"}q\x00X\x01\x00\x00\x00ah\x00s.").map(|entries| entries.len());
        assert_eq!(error, Ok(1));
    }
}
