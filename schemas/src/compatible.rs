//! Whether records of one schema can be read as another, and if not, because of which field.
//!
//! As the registry's rule for a reader: every value that the writer may have written must be readable. apache-avro's own
//! check is asked for single types only: it takes a union for readable as soon as one branch is, and a type that is defined
//! in another place for another type.

use std::collections::HashMap;

use apache_avro::{
    Schema,
    schema::{RecordSchema, UnionSchema},
    schema_compatibility::SchemaCompatibility,
};

use crate::foreign;

/// The named types of a schema, by full name.
type Names<'a> = HashMap<String, &'a Schema>;

/// Says why records of `theirs` cannot be read as `ours`, if so.
pub(crate) fn can_read(theirs: &Schema, ours: &Schema) -> Result<(), String> {
    let mut both = Both {
        theirs: Names::new(),
        ours: Names::new(),
    };
    collect(theirs, &mut both.theirs);
    collect(ours, &mut both.ours);
    both.value(theirs, ours)
        .map_err(|Mismatch { path, why }| match path.is_empty() {
            true => why,
            false => format!("`{path}`: {why}"),
        })
}

struct Both<'a> {
    theirs: Names<'a>,
    ours: Names<'a>,
}

struct Mismatch {
    path: String,
    why: String,
}

impl Mismatch {
    fn new(why: impl Into<String>) -> Mismatch {
        Mismatch {
            path: String::new(),
            why: why.into(),
        }
    }

    fn under(mut self, field: &str) -> Mismatch {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = format!("{field}{dot}{}", self.path);
        self
    }
}

impl<'a> Both<'a> {
    /// Goes down our schema, which is finite: whatever theirs is, this ends.
    fn value(&self, theirs: &'a Schema, ours: &'a Schema) -> Result<(), Mismatch> {
        match (resolved(theirs, &self.theirs), resolved(ours, &self.ours)) {
            (Schema::Union(theirs), ours) => self.each_branch(theirs, ours),
            (theirs, Schema::Union(ours)) => self.some_branch(theirs, ours),
            (Schema::Record(theirs), Schema::Record(ours)) => self.record(theirs, ours),
            (Schema::Array(theirs), Schema::Array(ours)) => self.value(&theirs.items, &ours.items),
            (Schema::Map(theirs), Schema::Map(ours)) => self.value(&theirs.types, &ours.types),
            (theirs, ours) => match SchemaCompatibility::can_read(theirs, ours) {
                Ok(_) => Ok(()),
                Err(_) => Err(Mismatch::new(format!(
                    "written as {}, expected {}",
                    kind(theirs),
                    kind(ours)
                ))),
            },
        }
    }

    fn each_branch(&self, theirs: &'a UnionSchema, ours: &'a Schema) -> Result<(), Mismatch> {
        theirs
            .variants()
            .iter()
            .try_for_each(|theirs| self.value(theirs, ours))
    }

    /// Readable as any of the branches; if as none, the last one tried says why, which for ours is never null.
    fn some_branch(&self, theirs: &'a Schema, ours: &'a UnionSchema) -> Result<(), Mismatch> {
        let mut refused = Err(Mismatch::new("a union without branches"));
        for ours in ours.variants() {
            refused = self.value(theirs, ours);
            if refused.is_ok() {
                break;
            }
        }
        refused
    }

    fn record(&self, theirs: &'a RecordSchema, ours: &'a RecordSchema) -> Result<(), Mismatch> {
        if theirs.name.name() != ours.name.name() {
            return Err(Mismatch::new(format!(
                "written as {}, expected {}",
                theirs.name.name(),
                ours.name.name()
            )));
        }
        for field in &ours.fields {
            match theirs
                .fields
                .iter()
                .find(|written| written.name == field.name)
            {
                Some(written) => {
                    self.value(&written.schema, &field.schema)
                        .map_err(|mismatch| mismatch.under(&field.name))?;
                }
                None if field.default.is_some() => {}
                None => {
                    return Err(
                        Mismatch::new("not written, and without a default").under(&field.name)
                    );
                }
            }
        }
        Ok(())
    }
}

fn resolved<'a>(schema: &'a Schema, names: &Names<'a>) -> &'a Schema {
    match schema {
        Schema::Ref { name } => names.get(&name.fullname(None)).copied().unwrap_or(schema),
        other => other,
    }
}

fn collect<'a>(schema: &'a Schema, names: &mut Names<'a>) {
    if let Some(name) = schema
        .name()
        .filter(|_| !matches!(schema, Schema::Ref { .. }))
    {
        names.insert(name.fullname(None), schema);
    }
    match schema {
        Schema::Record(record) => record
            .fields
            .iter()
            .for_each(|field| collect(&field.schema, names)),
        Schema::Array(array) => collect(&array.items, names),
        Schema::Map(map) => collect(&map.types, names),
        Schema::Union(union) => union
            .variants()
            .iter()
            .for_each(|variant| collect(variant, names)),
        _ => {}
    }
}

/// A type in a word or two.
fn kind(schema: &Schema) -> String {
    foreign::canonical_form(schema)
        .trim_matches('"')
        .chars()
        .take(60)
        .collect()
}
