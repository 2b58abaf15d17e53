//! A profile.proto file as columns: samples, stacks, places and names as arrays instead of objects.
//!
//! Two passes over the bytes. The first collects what is referred to (texts, and the identifiers of mappings, locations and
//! functions), the second everything else, with each reference replaced by an index and checked. Time is linear in the
//! number of bytes, and memory is bounded by [`MOST_ENTRIES`] and [`MOST_FRAMES`], whatever the bytes say.
//!
//! Field numbers: <https://github.com/google/pprof/blob/main/proto/profile.proto>.

use std::collections::HashMap;

use super::wire::{Field, Malformed, Reader};

/// Messages of one kind that a file may have.
pub const MOST_ENTRIES: usize = 1 << 22;
/// Locations that all stacks together may have.
pub const MOST_FRAMES: usize = 1 << 27;

type Result<T> = std::result::Result<T, Malformed>;

/// Texts are indices into `strings`; mappings, locations and functions are indices into their columns, -1 for none.
#[derive(Debug, Default)]
pub struct Profile {
    pub strings: Vec<String>,
    /// (type, unit) of each value of a sample.
    pub sample_types: Vec<[i64; 2]>,
    pub samples: Samples,
    pub mappings: Mappings,
    pub locations: Locations,
    pub functions: Functions,
    pub time_nanos: i64,
    pub duration_nanos: i64,
    pub period_type: [i64; 2],
    pub period: i64,
    /// Where the period stands, for messages about it; 0 if it is missing.
    pub period_offset: usize,
    pub comments: Vec<i64>,
    pub default_sample_type: i64,
}

#[derive(Debug, Default)]
pub struct Samples {
    /// Where each sample begins in the file.
    pub offset: Vec<u32>,
    /// Where each sample's locations end in `stack`.
    pub end: Vec<i64>,
    /// Locations, leaf first.
    pub stack: Vec<i32>,
    /// One row of values per sample.
    pub values: Vec<i64>,
    /// The numeric label "bytes": the size of one object; 0 where there is none.
    pub block: Vec<i64>,
}

#[derive(Debug, Default)]
pub struct Mappings {
    pub start: Vec<u64>,
    pub limit: Vec<u64>,
    pub file_offset: Vec<u64>,
    pub filename: Vec<i64>,
    pub build_id: Vec<i64>,
}

#[derive(Debug, Default)]
pub struct Locations {
    pub mapping: Vec<i32>,
    pub address: Vec<u64>,
    /// Where each location's lines end; the innermost inlined function comes first.
    pub end: Vec<i64>,
    pub line_function: Vec<i32>,
    pub line_number: Vec<i64>,
}

#[derive(Debug, Default)]
pub struct Functions {
    pub name: Vec<i64>,
    pub system_name: Vec<i64>,
    pub filename: Vec<i64>,
    pub start_line: Vec<i64>,
}

/// Identifiers of the file, in the order in which they come, and the way back.
struct Ids {
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
    count: u32,
}

/// Identifiers below this are looked up in a table; compilers of profiles count from 1.
const DENSE: u64 = 1 << 20;
const NOBODY: u32 = u32::MAX;

impl Ids {
    fn new() -> Ids {
        Ids { dense: Vec::new(), sparse: HashMap::new(), count: 0 }
    }

    /// Takes the `id` field of a message.
    fn add(&mut self, field: &Field, name: &'static str) -> Result<()> {
        let mut message = field.message(name)?;
        let mut id = 0;
        while let Some(field) = message.next(name)? {
            if field.number == 1 {
                id = field.number(name)?;
            }
        }
        if id == 0 {
            return Malformed::new(field.offset, name, "the id is missing or 0");
        }
        limit(self.count as usize, field.offset, name)?;
        let taken = if id < DENSE {
            let slot = id as usize;
            if self.dense.len() <= slot {
                self.dense.resize((slot + 1).next_power_of_two(), NOBODY);
            }
            std::mem::replace(&mut self.dense[slot], self.count) != NOBODY
        } else {
            self.sparse.insert(id, self.count).is_some()
        };
        if taken {
            return Malformed::new(field.offset, name, format!("id {id} is used twice"));
        }
        self.count += 1;
        Ok(())
    }

    #[inline]
    fn index(&self, id: u64, offset: usize, name: &'static str) -> Result<i32> {
        let found = if id < DENSE { self.dense.get(id as usize) } else { self.sparse.get(&id) };
        match found {
            Some(&index) if index != NOBODY => Ok(index as i32),
            _ => Malformed::new(offset, name, format!("id {id} does not exist")),
        }
    }

    /// The same, where 0 means that there is none.
    fn optional(&self, id: u64, offset: usize, name: &'static str) -> Result<i32> {
        if id == 0 { Ok(-1) } else { self.index(id, offset, name) }
    }
}

fn limit(count: usize, offset: usize, name: &'static str) -> Result<()> {
    if count < MOST_ENTRIES {
        return Ok(());
    }
    Malformed::new(offset, name, format!("more than {MOST_ENTRIES} entries"))
}

/// Reads an uncompressed profile.
pub fn read(data: &[u8]) -> Result<Profile> {
    if data.is_empty() {
        return Malformed::new(0, "profile", "the file is empty");
    }
    let index = Index::new(data)?;
    let mut profile = Profile::default();
    let mut reader = Reader::new(data);
    while let Some(field) = reader.next("profile")? {
        index.take(&mut profile, &field)?;
    }
    profile.strings = index.strings;
    Ok(profile)
}

/// What the first pass collects.
struct Index {
    strings: Vec<String>,
    /// The text "bytes".
    bytes: Option<u64>,
    sample_types: usize,
    mappings: Ids,
    locations: Ids,
    functions: Ids,
}

impl Index {
    fn new(data: &[u8]) -> Result<Index> {
        let (mut mappings, mut locations, mut functions) = (Ids::new(), Ids::new(), Ids::new());
        let (mut strings, mut sample_types) = (Vec::new(), 0);
        let mut reader = Reader::new(data);
        while let Some(field) = reader.next("profile")? {
            match field.number {
                1 => {
                    limit(sample_types, field.offset, "sample_type")?;
                    sample_types += 1;
                }
                3 => mappings.add(&field, "mapping.id")?,
                4 => locations.add(&field, "location.id")?,
                5 => functions.add(&field, "function.id")?,
                6 => {
                    limit(strings.len(), field.offset, "string_table")?;
                    let text = field.message("string_table")?.bytes();
                    if strings.is_empty() && !text.is_empty() {
                        return Malformed::new(field.offset, "string_table", "the first text must be empty");
                    }
                    strings.push(String::from_utf8_lossy(text).into_owned());
                }
                _ => {}
            }
        }
        if strings.is_empty() {
            return Malformed::new(data.len(), "string_table", "there are no texts: cut off, or another kind of file");
        }
        let bytes = strings.iter().position(|text| text == "bytes").map(|index| index as u64);
        Ok(Index { strings, bytes, sample_types, mappings, locations, functions })
    }

    fn take(&self, profile: &mut Profile, field: &Field) -> Result<()> {
        match field.number {
            1 => profile.sample_types.push(self.value_type(field, "sample_type")?),
            2 => self.sample(&mut profile.samples, field)?,
            3 => self.mapping(&mut profile.mappings, field)?,
            4 => self.location(&mut profile.locations, field)?,
            5 => self.function(&mut profile.functions, field)?,
            9 => profile.time_nanos = field.signed("time_nanos")?,
            10 => profile.duration_nanos = field.signed("duration_nanos")?,
            11 => profile.period_type = self.value_type(field, "period_type")?,
            12 => {
                profile.period = field.signed("period")?;
                profile.period_offset = field.offset;
            }
            13 => field.numbers("comment", |text, offset| {
                limit(profile.comments.len(), offset, "comment")?;
                profile.comments.push(self.text(text, offset, "comment")?);
                Ok(())
            })?,
            14 => profile.default_sample_type = self.string(field, "default_sample_type")?,
            _ => {}
        }
        Ok(())
    }

    fn text(&self, index: u64, offset: usize, name: &'static str) -> Result<i64> {
        if index < self.strings.len() as u64 {
            return Ok(index as i64);
        }
        let count = self.strings.len();
        Malformed::new(offset, name, format!("text {} of {count} does not exist", index as i64))
    }

    fn string(&self, field: &Field, name: &'static str) -> Result<i64> {
        self.text(field.number(name)?, field.offset, name)
    }

    fn value_type(&self, field: &Field, name: &'static str) -> Result<[i64; 2]> {
        let mut pair = [0; 2];
        let mut message = field.message(name)?;
        while let Some(field) = message.next(name)? {
            if let 1 | 2 = field.number {
                pair[field.number as usize - 1] = self.string(&field, name)?;
            }
        }
        Ok(pair)
    }

    fn sample(&self, samples: &mut Samples, field: &Field) -> Result<()> {
        limit(samples.offset.len(), field.offset, "sample")?;
        let before = samples.values.len();
        let mut block = 0;
        let mut message = field.message("sample")?;
        while let Some(field) = message.next("sample")? {
            match field.number {
                1 => field.numbers("sample.location_id", |id, offset| {
                    let location = self.locations.index(id, offset, "sample.location_id")?;
                    if samples.stack.len() == MOST_FRAMES {
                        return Malformed::new(
                            offset,
                            "sample.location_id",
                            format!("more than {MOST_FRAMES} entries"),
                        );
                    }
                    samples.stack.push(location);
                    Ok(())
                })?,
                2 => field.numbers("sample.value", |value, offset| {
                    // Refused at once, so that a message full of numbers does not fill the memory.
                    if samples.values.len() - before == self.sample_types {
                        return self.wrong_count(offset, self.sample_types + 1);
                    }
                    samples.values.push(value as i64);
                    Ok(())
                })?,
                3 => {
                    if let Some(size) = self.block(&field)? {
                        block = size;
                    }
                }
                _ => {}
            }
        }
        let count = samples.values.len() - before;
        if count != self.sample_types {
            return self.wrong_count(field.offset, count);
        }
        samples.offset.push(field.offset as u32);
        samples.end.push(samples.stack.len() as i64);
        samples.block.push(block);
        Ok(())
    }

    fn wrong_count<R>(&self, offset: usize, count: usize) -> Result<R> {
        let message = format!("{count} values or more for {} sample types", self.sample_types);
        let message = if count < self.sample_types { message.replace(" or more", "") } else { message };
        Malformed::new(offset, "sample.value", message)
    }

    /// The number of a label named "bytes".
    fn block(&self, field: &Field) -> Result<Option<i64>> {
        let (mut key, mut number) = (0, None);
        let mut message = field.message("sample.label")?;
        while let Some(field) = message.next("sample.label")? {
            match field.number {
                1 => key = self.string(&field, "sample.label.key")? as u64,
                2 => {
                    self.string(&field, "sample.label.str")?;
                }
                3 => number = Some((field.signed("sample.label.num")?, field.offset)),
                4 => {
                    self.string(&field, "sample.label.num_unit")?;
                }
                _ => {}
            }
        }
        match number {
            Some((size, offset)) if Some(key) == self.bytes && size < 0 => {
                Malformed::new(offset, "sample.label.num", format!("an object of {size} bytes"))
            }
            Some((size, _)) if Some(key) == self.bytes => Ok(Some(size)),
            _ => Ok(None),
        }
    }

    fn mapping(&self, mappings: &mut Mappings, field: &Field) -> Result<()> {
        let (mut numbers, mut texts) = ([0; 3], [0; 2]);
        let mut message = field.message("mapping")?;
        while let Some(field) = message.next("mapping")? {
            match field.number {
                2..=4 => numbers[field.number as usize - 2] = field.number("mapping.address")?,
                5 => texts[0] = self.string(&field, "mapping.filename")?,
                6 => texts[1] = self.string(&field, "mapping.build_id")?,
                _ => {}
            }
        }
        mappings.start.push(numbers[0]);
        mappings.limit.push(numbers[1]);
        mappings.file_offset.push(numbers[2]);
        mappings.filename.push(texts[0]);
        mappings.build_id.push(texts[1]);
        Ok(())
    }

    fn location(&self, locations: &mut Locations, field: &Field) -> Result<()> {
        let (mut mapping, mut address) = (-1, 0);
        let mut message = field.message("location")?;
        while let Some(field) = message.next("location")? {
            match field.number {
                2 => {
                    let id = field.number("location.mapping_id")?;
                    mapping = self.mappings.optional(id, field.offset, "location.mapping_id")?;
                }
                3 => address = field.number("location.address")?,
                4 => self.line(locations, &field)?,
                _ => {}
            }
        }
        locations.mapping.push(mapping);
        locations.address.push(address);
        locations.end.push(locations.line_function.len() as i64);
        Ok(())
    }

    fn line(&self, locations: &mut Locations, field: &Field) -> Result<()> {
        limit(locations.line_function.len(), field.offset, "location.line")?;
        let (mut function, mut number) = (-1, 0);
        let mut message = field.message("location.line")?;
        while let Some(field) = message.next("location.line")? {
            match field.number {
                1 => {
                    let id = field.number("location.line.function_id")?;
                    function = self.functions.optional(id, field.offset, "location.line.function_id")?;
                }
                2 => number = field.signed("location.line.line")?,
                _ => {}
            }
        }
        locations.line_function.push(function);
        locations.line_number.push(number);
        Ok(())
    }

    fn function(&self, functions: &mut Functions, field: &Field) -> Result<()> {
        let (mut texts, mut start_line) = ([0; 3], 0);
        let mut message = field.message("function")?;
        while let Some(field) = message.next("function")? {
            match field.number {
                2..=4 => texts[field.number as usize - 2] = self.string(&field, "function.name")?,
                5 => start_line = field.signed("function.start_line")?,
                _ => {}
            }
        }
        functions.name.push(texts[0]);
        functions.system_name.push(texts[1]);
        functions.filename.push(texts[2]);
        functions.start_line.push(start_line);
        Ok(())
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
