//! What the server sends, as values of ours.

use tiberius::ColumnData;

use crate::database::error::{DbError, DbErrorKind};
use crate::database::statement::{Row, Value};

/// One row.
pub(super) fn read(row: tiberius::Row) -> Result<Row, DbError> {
    row.into_iter().map(value).collect::<Result<_, _>>().map(Row)
}

pub(super) fn value(data: ColumnData<'static>) -> Result<Value, DbError> {
    Ok(match data {
        ColumnData::U8(number) => number.map(i64::from).into(),
        ColumnData::I16(number) => number.map(i64::from).into(),
        ColumnData::I32(number) => number.map(i64::from).into(),
        ColumnData::I64(number) => number.into(),
        ColumnData::Bit(truth) => truth.into(),
        ColumnData::String(text) => text.map(std::borrow::Cow::into_owned).into(),
        ColumnData::Binary(bytes) => bytes.map(std::borrow::Cow::into_owned).into(),
        ColumnData::Guid(id) => id.map(|id| id.to_string()).into(),
        ColumnData::F32(number) => number.map(|number| number.to_string()).into(),
        ColumnData::F64(number) => number.map(|number| number.to_string()).into(),
        ColumnData::Numeric(number) => number.map(|number| decimal(number.value(), number.scale())).into(),
        ColumnData::Xml(xml) => xml.map(|xml| xml.into_owned().to_string()).into(),
        // all of these are asked for as numbers
        ColumnData::DateTime(None)
        | ColumnData::SmallDateTime(None)
        | ColumnData::Time(None)
        | ColumnData::Date(None)
        | ColumnData::DateTime2(None)
        | ColumnData::DateTimeOffset(None) => Value::Null,
        other => {
            let message = format!("a value of this type is not read: {other:?}");
            return Err(DbError::new(DbErrorKind::Unsupported, message));
        }
    })
}

/// A whole number without a point, as the server writes it.
pub(super) fn decimal(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    if scale == 0 {
        return value.to_string();
    }
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{part}")
}
