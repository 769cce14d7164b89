//! Parquet without Arrow: columns are gathered for a group of rows, then written one by one.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::{Columns, Row, Rows};
use crate::windows::to_f64;

/// Rows that are kept in memory: 24 MiB of embeddings for the widest published model.
const GROUP: usize = 8192;

/// Writes a table as Parquet, without compression, which embeddings do not yield to.
///
/// ```text
/// required binary video (STRING)      required double start      required double end
/// required binary caption (STRING)
/// required group embedding (LIST) { repeated group list { required float element } }
/// ```
pub struct Parquet<W: Write + Send> {
    out: SerializedFileWriter<W>,
    columns: Columns,
    /// The values of an embedding, where the table has them.
    width: Option<usize>,
    group: Group,
}

/// The columns of rows that are not written yet.
#[derive(Default)]
struct Group {
    count: usize,
    videos: Vec<ByteArray>,
    starts: Vec<f64>,
    ends: Vec<f64>,
    captions: Vec<ByteArray>,
    embeddings: Vec<f32>,
}

impl<W: Write + Send> Parquet<W> {
    /// Begins a table; `width` is the number of values of an embedding, none for a table without.
    pub fn begin(out: W, columns: Columns, width: Option<usize>) -> io::Result<Self> {
        let element = ColumnPath::from("embedding.list.element");
        let properties = WriterProperties::builder()
            .set_column_dictionary_enabled(element.clone(), false)
            .set_column_statistics_enabled(element, EnabledStatistics::None)
            .build();
        let schema = schema(columns, width.is_some()).map_err(into_io)?;
        let out = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(into_io)?;
        Ok(Self {
            out,
            columns,
            width,
            group: Group::default(),
        })
    }

    fn write_group(&mut self) -> Result<()> {
        let group = std::mem::take(&mut self.group);
        if group.count == 0 {
            return Ok(());
        }
        let mut writer = self.out.next_row_group()?;
        if self.columns.moments {
            column::<ByteArrayType, _>(&mut writer, &group.videos, None)?;
            column::<DoubleType, _>(&mut writer, &group.starts, None)?;
            column::<DoubleType, _>(&mut writer, &group.ends, None)?;
        }
        if self.columns.captions {
            column::<ByteArrayType, _>(&mut writer, &group.captions, None)?;
        }
        if let Some(width) = self.width {
            column::<FloatType, _>(&mut writer, &group.embeddings, Some(width))?;
        }
        writer.close()?;
        Ok(())
    }
}

impl<W: Write + Send> Rows<W> for Parquet<W> {
    fn row(&mut self, row: &Row, embedding: &[f32]) -> io::Result<()> {
        self.columns.check(row);
        let group = &mut self.group;
        group.count += 1;
        if let Some(moment) = row.moment {
            group.videos.push(moment.video.into());
            group.starts.push(to_f64(moment.start));
            group.ends.push(to_f64(moment.end));
        }
        group.captions.extend(row.caption.map(ByteArray::from));
        if let Some(width) = self.width {
            assert_eq!(embedding.len(), width, "values of a row");
            group.embeddings.extend(embedding);
        }
        match group.count {
            GROUP => self.write_group().map_err(into_io),
            _ => Ok(()),
        }
    }

    fn end(mut self: Box<Self>) -> io::Result<W> {
        self.write_group().map_err(into_io)?;
        self.out.into_inner().map_err(into_io)
    }
}

/// Writes the next column: plain values, or lists of `width` values each.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<W>,
    values: &[T::T],
    width: Option<usize>,
) -> Result<()> {
    let mut column = group.next_column()?.expect("a column of the schema");
    // Definition: each list has its element. Repetition: 0 begins a list, 1 goes on with it.
    let levels = width.map(|width| {
        let repetition = (0..values.len()).map(|i| i16::from(i % width > 0));
        (vec![1; values.len()], repetition.collect::<Vec<i16>>())
    });
    let levels = levels.as_ref();
    column.typed::<T>().write_batch(
        values,
        levels.map(|(definition, _)| &definition[..]),
        levels.map(|(_, repetition)| &repetition[..]),
    )?;
    column.close()
}

fn schema(columns: Columns, embeddings: bool) -> Result<TypePtr> {
    let mut fields = Vec::new();
    if columns.moments {
        fields.push(text("video")?);
        fields.push(number("start", Physical::DOUBLE)?);
        fields.push(number("end", Physical::DOUBLE)?);
    }
    if columns.captions {
        fields.push(text("caption")?);
    }
    if embeddings {
        let list = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![number("element", Physical::FLOAT)?])
            .build()?;
        let embedding = Type::group_type_builder("embedding")
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::List))
            .with_converted_type(ConvertedType::LIST)
            .with_fields(vec![Arc::new(list)])
            .build()?;
        fields.push(Arc::new(embedding));
    }
    let schema = Type::group_type_builder("schema").with_fields(fields);
    schema.build().map(Arc::new)
}

fn text(name: &str) -> Result<TypePtr> {
    let text = Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::String))
        .with_converted_type(ConvertedType::UTF8);
    text.build().map(Arc::new)
}

fn number(name: &str, physical: Physical) -> Result<TypePtr> {
    let number = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
    number.build().map(Arc::new)
}

/// What the disk says, without a library's words around it.
fn into_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(cause) => io::Error::other(cause),
        },
        error => io::Error::other(error),
    }
}
