//! Two fields of one type that changed places would go unseen by the codec's own tests: here each value knows its name.

use std::{collections::HashMap, fmt::Debug};

use apache_avro::{Schema, types::Value};
use schemas::{Record, from_bytes};

use crate::{
    for_each_record,
    generate::{Names, names, resolved, written},
};

/// Fields whose name in Rust is another: units are in the type, booleans have no `is_`, `type` is a keyword.
const RENAMED: &[(&str, &str)] = &[
    ("type", "kind"),
    ("is_mobile", "mobile"),
    ("trait", "name"),
    ("visit_timeout_millis", "visit_timeout"),
    ("idle_after_millis", "idle_after"),
    ("away_after_millis", "away_after"),
    ("max_duration_millis", "max_duration"),
    ("bot_rate_window_millis", "bot_rate_window"),
];

/// Makes a value in which every leaf is unique and remembers the field that it stands for.
struct Marking<'a> {
    names: Names<'a>,
    marks: HashMap<String, String>,
    next: i64,
    /// The boolean that is true, counted in order.
    truth: usize,
    booleans: usize,
}

impl<'a> Marking<'a> {
    fn value(&mut self, schema: &'a Schema, field: &str) -> Value {
        self.next += 1;
        let number = 1_000_000 + self.next;
        let mut mark = |text: String| self.marks.insert(text, field.to_owned());
        match resolved(schema, &self.names) {
            Schema::String => {
                mark(format!("\"~{number}\""));
                Value::String(format!("~{number}"))
            }
            Schema::Int => {
                mark(number.to_string());
                Value::Int(number as i32)
            }
            Schema::Long => {
                mark(number.to_string());
                Value::Long(number)
            }
            Schema::TimestampMillis => {
                mark(number.to_string());
                Value::TimestampMillis(number)
            }
            Schema::Double => {
                mark(number.to_string());
                Value::Double(number as f64)
            }
            Schema::Boolean => {
                let truth = self.booleans == self.truth;
                if truth {
                    mark("true".to_owned());
                }
                self.booleans += 1;
                Value::Boolean(truth)
            }
            Schema::Array(array) => Value::Array(vec![self.value(&array.items, field)]),
            Schema::Map(map) => {
                Value::Map([("k".to_owned(), self.value(&map.types, field))].into())
            }
            Schema::Union(union) => {
                Value::Union(1, Box::new(self.value(&union.variants()[1], field)))
            }
            Schema::Record(record) => {
                let fields = record.fields.iter();
                Value::Record(
                    fields
                        .map(|f| (f.name.clone(), self.value(&f.schema, &f.name)))
                        .collect(),
                )
            }
            other => panic!("no record of ours has this type: {other:?}"),
        }
    }
}

fn rust_name(field: &str) -> String {
    let mut name = String::new();
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    RENAMED
        .iter()
        .find(|(avro, _)| *avro == name)
        .map_or(name.clone(), |(_, rust)| (*rust).to_owned())
}

/// The field under which `mark` stands in a value's debug text: the last `name: ` before it.
fn field_of<'t>(text: &'t str, mark: &str) -> &'t str {
    let at = text
        .find(mark)
        .unwrap_or_else(|| panic!("{mark} is not there"));
    let colon = text[..at].rfind(": ").expect("a field");
    let start = text[..colon]
        .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .map_or(0, |at| at + 1);
    &text[start..colon]
}

#[test]
fn every_field_is_read_under_its_own_name() {
    fn check<T: Record + Debug>() {
        let mut truth = 0;
        loop {
            let names = names(T::schema());
            let mut marking = Marking {
                names,
                marks: HashMap::new(),
                next: 0,
                truth,
                booleans: 0,
            };
            let value = marking.value(T::schema(), "");
            let record: T = from_bytes(&written(T::schema(), &value)).expect("a record");
            let text = format!("{record:?}");
            let mut marks: Vec<_> = marking.marks.iter().collect();
            marks.sort();
            for (mark, field) in marks {
                assert_eq!(field_of(&text, mark), rust_name(field), "{mark}");
            }
            truth += 1;
            if truth >= marking.booleans {
                break;
            }
        }
    }
    for_each_record!(check);
}
