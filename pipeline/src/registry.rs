//! The schema registry: which id a schema has, and which schema an id has. Only its client is used; framing and codec are
//! those of the crate `schemas`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use schema_registry_converter::{
    async_impl::schema_registry::{
        SrSettings, get_schema_by_id, is_compatible_schema, post_schema,
    },
    avro_common::get_supplied_schema,
    error::SRCError,
    schema_registry_common::{SchemaType, SuppliedSchema},
};
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};

use crate::{config::without_user, log::LogError, metrics::Metrics, worker::SchemaSource};

/// A connection to the registry.
#[derive(Clone)]
pub struct Registry {
    url: String,
    /// The URL as people may see it.
    shown: String,
    /// The schemas by id, asked for once in a process: an id never means another schema.
    known: Arc<Mutex<HashMap<u32, String>>>,
    settings: Arc<SrSettings>,
    http: reqwest::Client,
    runtime: Handle,
    /// Kept alive where it is nobody else's.
    _own: Option<Arc<Runtime>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("url", &self.shown)
            .finish()
    }
}

/// What the registry says of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there, or may be added.
    Compatible,
    /// It may not: in the registry's own words.
    Incompatible(String),
}

/// Where a schema stands with its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is one of the subject's versions.
    Known {
        /// Which.
        version: u64,
    },
    /// There is no such subject.
    NewSubject,
    /// It may follow this version.
    MayFollow {
        /// The newest.
        latest: u64,
    },
    /// It may not follow this version.
    Incompatible {
        /// The newest.
        latest: u64,
        /// The registry's own words.
        why: String,
    },
}

/// How often a request is made again that the registry calls a conflict, as another process makes the same at this moment.
const CONFLICTS: usize = 20;

impl Registry {
    /// Settings for this URL; asks nothing yet.
    pub fn new(url: &str, runtime: Handle) -> Result<Registry, LogError> {
        let settings = SrSettings::new_builder(url.to_owned())
            .set_timeout(Duration::from_secs(10))
            .build()
            .map_err(|e| {
                LogError::new(format!(
                    "--registry {} is no registry's address: {e}",
                    without_user(url)
                ))
            })?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Registry {
            shown: without_user(&url),
            url,
            known: Arc::default(),
            settings: Arc::new(settings),
            http: reqwest::Client::new(),
            runtime,
            _own: None,
        })
    }

    /// [`Registry::new`], for callers without a runtime.
    pub fn open(url: &str) -> Result<Registry, LogError> {
        let runtime = Runtime::new().map_err(|e| LogError::new(format!("no runtime: {e}")))?;
        let registry = Registry::new(url, runtime.handle().clone())?;
        Ok(Registry {
            _own: Some(Arc::new(runtime)),
            ..registry
        })
    }

    /// Sees to it that a subject's next schema must be compatible at this level.
    pub fn hold_to(&self, subject: &str, level: &str) -> Result<(), LogError> {
        if self.compatibility(subject)?.as_deref() != Some(level) {
            self.set_compatibility(subject, level)?;
        }
        Ok(())
    }

    /// The id of a schema under a subject, registering it if it is new and the registry allows it.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, LogError> {
        let post = || {
            let posted = post_schema(&self.settings, subject.to_owned(), supplied(schema));
            self.runtime.block_on(posted)
        };
        let is_conflict = |posted: &Result<_, SRCError>| {
            posted
                .as_ref()
                .is_err_and(|error| error.to_string().contains("already exists"))
        };
        let posted = again_while(post, is_conflict);
        posted
            .map(|registered| registered.id)
            .map_err(|e| self.refused(subject, &e))
    }

    /// The id that a schema already has under a subject; nothing is registered.
    pub fn look_up(&self, subject: &str, schema: &str) -> Result<u32, LogError> {
        let url = format!("{}/subjects/{subject}", self.url);
        let body = serde_json::json!({ "schema": schema, "schemaType": "AVRO" });
        let answer = self.runtime.block_on(async {
            let answer = self
                .http
                .post(&url)
                .header("content-type", "application/json")
                .body(body.to_string());
            let answer = answer.timeout(Duration::from_secs(10)).send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.text().await?))
        });
        let (status, text) = answer.map_err(|e| self.silent(&e.to_string()))?;
        let id = serde_json::from_str::<serde_json::Value>(&text)
            .ok()
            .and_then(|json| json.get("id")?.as_u64());
        match id {
            Some(id) if status.is_success() => Ok(id as u32),
            _ => Err(LogError::new(format!(
                "the registry at {} does not have this schema under {subject} ({status}: {}): register it with `footfall \
                 schemas register`, or start with --register-schemas",
                self.shown,
                text.chars().take(300).collect::<String>()
            ))),
        }
    }

    /// Whether a schema may be added to a subject.
    pub fn check(&self, subject: &str, schema: &str) -> Result<Verdict, LogError> {
        let checked = self.runtime.block_on(is_compatible_schema(
            &self.settings,
            subject.to_owned(),
            supplied(schema),
        ));
        match checked {
            Ok(true) => Ok(Verdict::Compatible),
            Ok(false) => Ok(Verdict::Incompatible(
                "not compatible with an earlier version".to_owned(),
            )),
            Err(e) if is_not_found(&e) => Ok(Verdict::Compatible),
            Err(e) if e.retriable => Err(self.silent(&words(&e))),
            Err(e) => Ok(Verdict::Incompatible(words(&e))),
        }
    }

    /// Where a schema stands with a subject, held against all of its versions; nothing is registered.
    pub fn standing(&self, subject: &str, schema: &str) -> Result<Standing, LogError> {
        let Some(versions) =
            self.ask(Method::GET, &format!("subjects/{subject}/versions"), None)?
        else {
            return Ok(Standing::NewSubject);
        };
        let versions = versions.as_array().into_iter().flatten();
        let latest = versions.filter_map(Value::as_u64).max().unwrap_or_default();
        let body = serde_json::json!({ "schema": schema, "schemaType": "AVRO" });
        let path = format!("subjects/{subject}");
        if let Some(known) = self.ask(Method::POST, &path, Some(&body))? {
            let version = known["version"].as_u64().unwrap_or(latest);
            return Ok(Standing::Known { version });
        }
        let path = format!("compatibility/subjects/{subject}/versions?verbose=true");
        let answer = self
            .ask(Method::POST, &path, Some(&body))?
            .unwrap_or_default();
        if answer["is_compatible"] == true {
            return Ok(Standing::MayFollow { latest });
        }
        let reason = answer.get("reason").or_else(|| answer.get("messages"));
        let reason = reason.filter(|reason| !reason.is_null());
        let why = reason.map_or_else(
            || "not compatible with an earlier version".to_owned(),
            |reason| {
                reason
                    .as_str()
                    .map_or_else(|| reason.to_string(), str::to_owned)
            },
        );
        Ok(Standing::Incompatible { latest, why })
    }

    /// A subject's own compatibility level; `None` if it has none.
    pub fn compatibility(&self, subject: &str) -> Result<Option<String>, LogError> {
        let config = self.ask(Method::GET, &format!("config/{subject}"), None)?;
        Ok(config.and_then(|config| config["compatibilityLevel"].as_str().map(str::to_owned)))
    }

    /// The registry's answer; `None` if what was asked for is not there.
    fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, LogError> {
        let mut request = self
            .http
            .request(method, format!("{}/{path}", self.url))
            .header("content-type", "application/json")
            .timeout(Duration::from_secs(10));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = self.runtime.block_on(async {
            let answer = request.send().await?;
            Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
        });
        let (status, text) = answer.map_err(|e| self.silent(&e.to_string()))?;
        let json: Option<Value> = serde_json::from_str(&text).ok();
        // 404 alone is said of a wrong path, too; 404xx of a subject, version or schema.
        let code = json.as_ref().and_then(|json| json["error_code"].as_u64());
        if status == StatusCode::NOT_FOUND
            && code.is_some_and(|code| (40_400..40_500).contains(&code))
        {
            return Ok(None);
        }
        match json {
            Some(json) if status.is_success() => Ok(Some(json)),
            _ => {
                let words: String = text.chars().take(300).collect();
                Err(LogError::new(format!(
                    "the registry at {} answers {status} to {path}: {words}. Check that --registry names Confluent's API \
                     (Apicurio: …/apis/ccompat/v7)",
                    self.shown
                )))
            }
        }
    }

    /// Sets a subject's compatibility level.
    pub fn set_compatibility(&self, subject: &str, level: &str) -> Result<(), LogError> {
        let url = format!("{}/config/{subject}", self.url);
        let body = serde_json::json!({ "compatibility": level }).to_string();
        let put = || {
            self.runtime.block_on(async {
                let request = self
                    .http
                    .put(&url)
                    .header("content-type", "application/json")
                    .body(body.clone());
                let answer = request.timeout(Duration::from_secs(10)).send().await?;
                Ok::<_, reqwest::Error>(answer.status())
            })
        };
        let answer = again_while(put, |answer| matches!(answer, Ok(StatusCode::CONFLICT)));
        match answer {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(LogError::new(format!(
                "the registry at {} refuses {level} for {subject}: {status}",
                self.shown
            ))),
            Err(e) => Err(self.silent(&e.to_string())),
        }
    }

    /// The schema of an id.
    pub fn schema(&self, id: u32) -> Result<String, LogError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = known().get(&id) {
            return Ok(schema.clone());
        }
        let found = self.runtime.block_on(get_schema_by_id(id, &self.settings));
        let schema = found.map_err(|e| self.silent(&words(&e)))?.schema;
        known().insert(id, schema.clone());
        Ok(schema)
    }

    /// As a worker's source of schemas: asks again and again while the registry is down, until the process stops.
    pub fn source(
        &self,
        metrics: Arc<Metrics>,
        stop: Arc<AtomicBool>,
    ) -> Box<dyn SchemaSource + Send> {
        Box::new(Patient {
            registry: self.clone(),
            metrics,
            stop,
        })
    }

    fn silent(&self, why: &str) -> LogError {
        LogError::new(format!(
            "the schema registry at {} does not answer ({why}): check --registry and that it runs (`footfall dev up` starts a \
             local one)",
            self.shown
        ))
    }

    fn refused(&self, subject: &str, error: &SRCError) -> LogError {
        if error.retriable {
            return self.silent(&words(error));
        }
        LogError::new(format!(
            "the registry at {} refuses the schema of {subject}: {}. Compare with `footfall schemas check`; a change must be \
             compatible with every earlier version",
            self.shown,
            words(error)
        ))
    }
}

/// Makes a request again as long as its answer is a conflict, [`CONFLICTS`] times at the most.
fn again_while<T>(mut request: impl FnMut() -> T, is_conflict: impl Fn(&T) -> bool) -> T {
    let mut answer = request();
    for _ in 0..CONFLICTS {
        if !is_conflict(&answer) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        answer = request();
    }
    answer
}

fn supplied(schema: &str) -> SuppliedSchema {
    match apache_avro::Schema::parse_str(schema) {
        Ok(parsed) => {
            let name = get_supplied_schema(&parsed).name;
            SuppliedSchema::new(name, SchemaType::Avro, schema.to_owned())
        }
        Err(_) => SuppliedSchema::new(None, SchemaType::Avro, schema.to_owned()),
    }
}

fn words(error: &SRCError) -> String {
    let cause = error.cause.as_deref().unwrap_or_default();
    format!("{} {cause}", error.error)
        .trim()
        .chars()
        .take(400)
        .collect()
}

fn is_not_found(error: &SRCError) -> bool {
    let words = words(error);
    words.contains("404") || words.contains("40401") || words.contains("40402")
}

struct Patient {
    registry: Registry,
    metrics: Arc<Metrics>,
    stop: Arc<AtomicBool>,
}

/// The longest pause between two questions.
const PAUSE: Duration = Duration::from_secs(5);

impl Patient {
    /// Waits so long, or until the process is to stop.
    fn wait(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl SchemaSource for Patient {
    fn schema(&mut self, id: u32) -> Result<String, LogError> {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.registry.schema(id) {
                Ok(schema) => {
                    self.metrics.registry_is_up(true);
                    return Ok(schema);
                }
                Err(error) if self.stop.load(Ordering::Relaxed) => {
                    return Err(LogError::new(format!(
                        "stopped while waiting for schema {id}; the last commit stands: {error}"
                    )));
                }
                Err(error) => {
                    self.metrics.registry_is_up(false);
                    tracing::error!(%error, schema_id = id, "waiting for a schema");
                    self.wait(pause);
                    pause = (pause * 2).min(PAUSE);
                }
            }
        }
    }
}
