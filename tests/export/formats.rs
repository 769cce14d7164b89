//! Each format by itself.

use std::collections::BTreeMap;
use std::io::Cursor;

use half::f16;
use serde_json::{Value, json};
use vcoca_gpu::export::{Element, Jsonl, Npy, Row, Rows, Safetensors};

use super::*;

fn written(mut rows: impl Rows<Cursor<Vec<u8>>>, count: usize) -> Vec<u8> {
    for i in 0..count {
        rows.row(&moment("a \"ü\"\n.mp4", i as i64), &embedding(i))
            .unwrap();
    }
    Box::new(rows).end().unwrap().into_inner()
}

fn f32s(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.chunks_exact(4);
    values
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn f16s(bytes: &[u8]) -> Vec<f16> {
    let values = bytes.chunks_exact(2);
    values
        .map(|b| f16::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn expected(count: usize) -> Vec<f32> {
    (0..count).flat_map(embedding).collect()
}

/// The header and the values of a `.npy`, read as NumPy's documentation tells.
pub fn parse_npy(bytes: &[u8]) -> (String, &[u8]) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0, "values are aligned");
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.ends_with('\n'));
    (header.trim_end().to_owned(), &bytes[10 + length..])
}

#[test]
fn npy_is_what_its_format_says() {
    for count in [0, 1, 1003] {
        let out = Cursor::new(Vec::new());
        let bytes = written(Npy::begin(out, WIDTH, Element::F32).unwrap(), count);
        let (header, values) = parse_npy(&bytes);
        let shape = format!("({count}, 5)");
        assert_eq!(
            header,
            format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}")
        );
        assert_eq!(f32s(values), expected(count));
    }
}

#[test]
fn npy_takes_halves() {
    let out = Cursor::new(Vec::new());
    let bytes = written(Npy::begin(out, WIDTH, Element::F16).unwrap(), 7);
    let (header, values) = parse_npy(&bytes);
    assert!(header.contains("'descr': '<f2'"), "{header}");
    let halves: Vec<f16> = expected(7).into_iter().map(f16::from_f32).collect();
    assert_eq!(f16s(values), halves);
}

#[test]
fn safetensors_are_read_by_their_own_library() {
    for (element, count) in [(Element::F32, 0), (Element::F32, 1003), (Element::F16, 9)] {
        let metadata = BTreeMap::from([("model".to_owned(), "\"x\"\n".to_owned())]);
        let out = Cursor::new(Vec::new());
        let rows = Safetensors::begin(out, WIDTH, element, metadata).unwrap();
        let bytes = written(rows, count);
        let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensor = read.tensor("embeddings").unwrap();
        assert_eq!(tensor.shape(), [count, WIDTH]);
        match element {
            Element::F32 => assert_eq!(f32s(tensor.data()), expected(count)),
            Element::F16 => {
                let halves: Vec<f16> = expected(count).into_iter().map(f16::from_f32).collect();
                assert_eq!(f16s(tensor.data()), halves);
            }
        }
        assert_eq!(
            (bytes.len() - tensor.data().len()) % 8,
            0,
            "values are aligned"
        );
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap()["model"], "\"x\"\n");
    }
}

#[test]
fn jsonl_has_a_row_a_line() {
    let bytes = written(Jsonl::begin(Cursor::new(Vec::new()), MOMENTS, true), 3);
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for (i, line) in lines.iter().enumerate() {
        assert_eq!(line["video"], "a \"ü\"\n.mp4");
        assert_eq!(line["start"], json!(i as f64 * 1001.0 / 30_000.0));
        assert_eq!(line["end"], json!((i + 1) as f64 * 1001.0 / 30_000.0));
        let values = line["embedding"].as_array().unwrap().iter();
        let values: Vec<f32> = values.map(|value| value.as_f64().unwrap() as f32).collect();
        assert_eq!(values, embedding(i), "each value comes back");
        assert_eq!(line.as_object().unwrap().len(), 4);
    }
}

#[test]
fn a_table_of_texts_has_no_times() {
    let row = Row {
        moment: None,
        caption: Some("a red star"),
    };
    let mut rows = Jsonl::begin(Cursor::new(Vec::new()), TEXTS, false);
    rows.row(&row, &embedding(0)).unwrap();
    let bytes = Box::new(rows).end().unwrap().into_inner();
    assert_eq!(bytes, b"{\"caption\":\"a red star\"}\n");
}

#[cfg(feature = "parquet")]
mod tables {
    use std::io::Write;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    use vcoca_gpu::export::Parquet;

    use super::*;

    fn reader(bytes: &[u8]) -> SerializedFileReader<std::fs::File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        SerializedFileReader::new(file).unwrap()
    }

    fn names(row: &parquet::record::Row) -> Vec<&str> {
        row.get_column_iter().map(|(name, _)| &name[..]).collect()
    }

    #[test]
    fn parquet_is_read_by_its_own_reader() {
        // More rows than a group has.
        let count = 8192 + 3;
        let out = Cursor::new(Vec::new());
        let bytes = written(Parquet::begin(out, MOMENTS, Some(WIDTH)).unwrap(), count);
        let reader = reader(&bytes);
        assert_eq!(reader.num_row_groups(), 2);
        let mut read = 0;
        for (i, row) in reader.get_row_iter(None).unwrap().enumerate() {
            let row = row.unwrap();
            assert_eq!(row.get_string(0).unwrap(), "a \"ü\"\n.mp4");
            assert_eq!(row.get_double(1).unwrap(), i as f64 * 1001.0 / 30_000.0);
            assert_eq!(
                row.get_double(2).unwrap(),
                (i + 1) as f64 * 1001.0 / 30_000.0
            );
            let list = row.get_list(3).unwrap().elements().iter();
            let values: Vec<f32> = list
                .map(|value| match value {
                    parquet::record::Field::Float(value) => *value,
                    other => panic!("{other}"),
                })
                .collect();
            assert_eq!(values, embedding(i));
            read += 1;
        }
        assert_eq!(read, count);
    }

    #[test]
    fn parquet_of_metadata_has_no_embeddings_and_may_be_empty() {
        let begin = || Parquet::begin(Cursor::new(Vec::new()), MOMENTS, None).unwrap();
        let empty = written(begin(), 0);
        assert_eq!(reader(&empty).get_row_iter(None).unwrap().count(), 0);
        let one = written(begin(), 1);
        let mut rows = reader(&one).into_iter();
        let row = rows.next().unwrap().unwrap();
        assert_eq!(names(&row), ["video", "start", "end"]);
        assert_eq!(row.get_double(2).unwrap(), 1001.0 / 30_000.0);
        assert!(rows.next().is_none());
    }

    #[test]
    fn captions_stand_beside_moments() {
        let columns = Columns {
            moments: true,
            captions: true,
        };
        let mut rows = Parquet::begin(Cursor::new(Vec::new()), columns, None).unwrap();
        let row = Row {
            caption: Some("a star"),
            ..moment("v", 0)
        };
        rows.row(&row, &[]).unwrap();
        let bytes = Box::new(rows).end().unwrap().into_inner();
        let row = reader(&bytes).into_iter().next().unwrap().unwrap();
        assert_eq!(names(&row), ["video", "start", "end", "caption"]);
        assert_eq!(row.get_string(3).unwrap(), "a star");
    }
}
