//! Random values of any schema, and apache-avro's reading and writing of them.

use std::collections::HashMap;

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, schema::UnionSchema, types::Value,
    writer::datum::GenericDatumWriter,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// The named types of a schema.
pub(crate) type Names<'a> = HashMap<String, &'a Schema>;

pub(crate) fn names(schema: &Schema) -> Names<'_> {
    fn collect<'a>(schema: &'a Schema, names: &mut Names<'a>) {
        match schema {
            Schema::Record(record) => {
                names.insert(record.name.fullname(None), schema);
                record
                    .fields
                    .iter()
                    .for_each(|field| collect(&field.schema, names));
            }
            Schema::Array(array) => collect(&array.items, names),
            Schema::Map(map) => collect(&map.types, names),
            Schema::Union(union) => union
                .variants()
                .iter()
                .for_each(|variant| collect(variant, names)),
            _ => {}
        }
    }
    let mut names = Names::new();
    collect(schema, &mut names);
    names
}

/// The type that a schema stands for: itself, or what it refers to.
pub(crate) fn resolved<'a>(schema: &'a Schema, names: &Names<'a>) -> &'a Schema {
    match schema {
        Schema::Ref { name } => names[&name.fullname(None)],
        other => other,
    }
}

/// Values of a schema; lists of at most two, maps of at most `entries`.
pub(crate) fn values<'a>(
    schema: &'a Schema,
    names: &Names<'a>,
    entries: usize,
) -> BoxedStrategy<Value> {
    match resolved(schema, names) {
        Schema::Null => Just(Value::Null).boxed(),
        Schema::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Schema::Int => any::<i32>().prop_map(Value::Int).boxed(),
        Schema::Long => any::<i64>().prop_map(Value::Long).boxed(),
        Schema::TimestampMillis => any::<i64>().prop_map(Value::TimestampMillis).boxed(),
        Schema::Double => any::<f64>().prop_map(Value::Double).boxed(),
        Schema::String => text().prop_map(Value::String).boxed(),
        Schema::Enum(symbols) => {
            let symbols = symbols.symbols.clone();
            (0..symbols.len())
                .prop_map(move |i| Value::Enum(i as u32, symbols[i].clone()))
                .boxed()
        }
        Schema::Array(array) => {
            proptest::collection::vec(values(&array.items, names, entries), 0..=2)
                .prop_map(Value::Array)
                .boxed()
        }
        Schema::Map(map) => {
            proptest::collection::hash_map(text(), values(&map.types, names, entries), 0..=entries)
                .prop_map(Value::Map)
                .boxed()
        }
        Schema::Union(union) => branches(union, names, entries),
        Schema::Record(record) => {
            let fields: Vec<_> = record
                .fields
                .iter()
                .map(|field| values(&field.schema, names, entries))
                .collect();
            let named: Vec<String> = record
                .fields
                .iter()
                .map(|field| field.name.clone())
                .collect();
            fields
                .prop_map(move |values| Value::Record(named.iter().cloned().zip(values).collect()))
                .boxed()
        }
        other => panic!("no record of ours has this type: {other:?}"),
    }
}

fn branches<'a>(union: &'a UnionSchema, names: &Names<'a>, entries: usize) -> BoxedStrategy<Value> {
    let branch = |(i, variant)| {
        values(variant, names, entries)
            .prop_map(move |value| Value::Union(i as u32, Box::new(value)))
            .boxed()
    };
    proptest::strategy::Union::new(union.variants().iter().enumerate().map(branch)).boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof!["[a-z]{0,8}", any::<String>()].boxed()
}

/// Runs a check over so many random values of a schema.
pub(crate) fn check(schema: &Schema, entries: usize, cases: u32, check: impl Fn(Value)) {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&values(schema, &names(schema), entries), |value| {
        check(value);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// One value of a schema, the same every time.
pub(crate) fn sample(schema: &Schema) -> Value {
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    values(schema, &names(schema), 1)
        .new_tree(&mut runner)
        .expect("a value")
        .current()
}

/// As apache-avro writes it.
pub(crate) fn written(schema: &Schema, value: &Value) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema)
        .build()
        .expect("a schema");
    let mut bytes = Vec::new();
    writer
        .write_value_ref(&mut bytes, value)
        .expect("a value of the schema");
    bytes
}

/// As apache-avro reads it.
pub(crate) fn read(schema: &Schema, mut bytes: &[u8]) -> Value {
    let reader = GenericDatumReader::builder(schema)
        .build()
        .expect("a schema");
    reader
        .read_value(&mut bytes)
        .expect("a value of the schema")
}
