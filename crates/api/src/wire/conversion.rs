//! Conversions on the wire.
//!
//! **Invariant:** what the pixel makes usable is refused here, with the field's name: a program can mend it.

use super::fields::Fields;
use super::read::{Read, string};
use crate::problem::Problem;
use domain::event::CONVERSION_NAME;
use domain::{Conversion, IdCodec};
use serde::Serialize;
use serde_json::{Number, Value};
use store::Recorded;

pub(crate) struct ConversionIn {
    pub click: String,
    pub name: String,
    pub value: Option<Number>,
    pub currency: Option<String>,
    pub external_id: Option<String>,
}

pub(crate) fn read(body: &[u8]) -> Result<ConversionIn, Problem> {
    let mut f = Fields::parse(body)?;
    let fields = ConversionIn {
        click: f.require(&["click"], string),
        name: f.take(&["name"], name).value().unwrap_or_else(|| CONVERSION_NAME.to_owned()),
        value: f.take(&["value"], number).value(),
        currency: f.take(&["currency"], currency).value(),
        external_id: f.take(&["externalId"], external_id).value(),
    };
    f.finish()?;
    Ok(fields)
}

fn name(v: Value) -> Read<String> {
    Some(string(v)?).filter(|s| Conversion::is_name(s)).ok_or("must be 1 to 64 characters of a-z A-Z 0-9 - _ .".into())
}

fn number(v: Value) -> Read<Number> {
    match v {
        Value::Number(n) => Ok(n),
        _ => Err("must be a number".into()),
    }
}

fn currency(v: Value) -> Read<String> {
    Conversion::currency(&string(v)?).ok_or("must be three letters (ISO 4217)".into())
}

fn external_id(v: Value) -> Read<String> {
    Some(string(v)?)
        .filter(|s| Conversion::is_external_id(s))
        .ok_or("must be 1 to 128 visible ASCII characters, without blanks".into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversionOut {
    click: String,
    link: String,
    name: String,
    value: Option<Number>,
    currency: Option<String>,
    external_id: Option<String>,
    /// The message that tells of it; of a repeated one the first answer told.
    message_id: Option<String>,
    repeated: bool,
}

impl ConversionOut {
    pub fn of(conversion: &Conversion, recorded: Recorded, codec: &IdCodec) -> Self {
        let message_id = match recorded {
            Recorded::New(id) => Some(codec.text(id)),
            Recorded::Repeated => None,
        };
        ConversionOut {
            click: conversion.click.text(codec),
            link: codec.text(conversion.click.link),
            name: conversion.name.clone(),
            value: conversion.value.clone(),
            currency: conversion.currency.clone(),
            external_id: conversion.external_id.clone(),
            repeated: message_id.is_none(),
            message_id,
        }
    }
}
