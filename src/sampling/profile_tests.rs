//! Small files by hand; the Python tests read large and mutated ones.

use proptest::prelude::*;

use super::*;

fn varint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while n > 127 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

fn number(field: u64, n: u64) -> Vec<u8> {
    [varint(field << 3), varint(n)].concat()
}

fn bytes(field: u64, data: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(data.len() as u64), data.to_vec()].concat()
}

/// One sample of two values on a stack of two locations, the first of them with an inlined function.
fn parts() -> Vec<Vec<u8>> {
    let line = |function, number_| bytes(4, &[number(1, function), number(2, number_)].concat());
    let label = [number(1, 1), number(3, 48), number(4, 1)].concat();
    vec![
        bytes(1, &[number(1, 2), number(2, 3)].concat()),
        bytes(1, &[number(1, 4), number(2, 1)].concat()),
        bytes(
            2,
            &[bytes(1, &[varint(7), varint(1 << 40)].concat()), number(2, 3), number(2, 144), bytes(3, &label)]
                .concat(),
        ),
        bytes(4, &[number(1, 7), number(3, 0x40), line(5, 10), line(6, 20)].concat()),
        bytes(4, &[number(1, 1 << 40), number(2, 1), line(6, 30)].concat()),
        bytes(3, &[number(1, 1), number(2, 0x10), number(3, 0x90), number(5, 5)].concat()),
        bytes(5, &[number(1, 5), number(2, 6)].concat()),
        bytes(5, &[number(1, 6), number(2, 7), number(4, 5), number(5, 9)].concat()),
        number(12, 1000),
        [&b""[..], b"bytes", b"inuse_objects", b"count", b"inuse_space", b"/bin/x", b"leaf", b"root"]
            .map(|text| bytes(6, text))
            .concat(),
    ]
}

#[test]
fn references_become_indices() {
    let profile = read(&parts().concat()).unwrap();
    assert_eq!(profile.sample_types, [[2, 3], [4, 1]]);
    assert_eq!((&profile.samples.stack[..], &profile.samples.end[..]), (&[0, 1][..], &[2][..]));
    assert_eq!((&profile.samples.values[..], &profile.samples.block[..]), (&[3, 144][..], &[48][..]));
    assert_eq!(profile.locations.line_function, [0, 1, 1]);
    assert_eq!(profile.locations.line_number, [10, 20, 30]);
    assert_eq!(profile.locations.end, [2, 3]);
    assert_eq!(profile.locations.mapping, [-1, 0]);
    assert_eq!(profile.functions.name, [6, 7]);
    assert_eq!(profile.functions.start_line, [0, 9]);
    assert_eq!(profile.strings[7], "root");
    assert_eq!(profile.period, 1000);
}

#[test]
fn missing_pieces_are_named() {
    for (left_out, field) in [
        (0, "sample.value"),
        (3, "sample.location_id"),
        (5, "location.mapping_id"),
        (6, "location.line.function_id"),
        (9, "string_table"),
    ] {
        let mut parts = parts();
        parts.remove(left_out);
        assert_eq!(read(&parts.concat()).unwrap_err().field, field);
    }
    let whole = parts().concat();
    let twice = [&whole[..], &whole[..]].concat();
    assert_eq!(read(&twice).unwrap_err().field, "location.id");
    assert!(read(&[]).is_err());
}

#[test]
fn crowds_are_refused() {
    let few_bytes = [0x32, 0].repeat(MOST_ENTRIES + 1);
    assert_eq!(read(&few_bytes).unwrap_err().field, "string_table");
    let full = bytes(2, &bytes(2, &vec![1; 1 << 20]));
    assert_eq!(read(&[parts().concat(), full].concat()).unwrap_err().field, "sample.value");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&data);
    }

    #[test]
    fn any_damage_is_read_or_refused(place in 0usize..1000, byte in any::<u8>(), cut in 0usize..1000) {
        let mut data = parts().concat();
        let length = data.len();
        data[place % length] = byte;
        let _ = read(&data);
        let _ = read(&data[..cut % length]);
    }
}
