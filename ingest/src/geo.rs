//! Where on Earth an address is, roughly, by the user's own file in the MaxMind DB format (`--geoip-db`).
//!
//! The file is read whole, at start and again when it has changed ([`GeoFile`]); a look-up reads memory alone.

use std::{
    fmt, fs, io,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use journey::{Text, web_event::Geolocation};
use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

/// A database in memory, which may be replaced while it is in use.
pub struct GeoDatabase {
    current: RwLock<Arc<Current>>,
}

struct Current {
    reader: Reader<Vec<u8>>,
    source: Text,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The file cannot be read.
    #[error("cannot read {file}")]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The bytes are no database.
    #[error("it is no MaxMind DB file")]
    Format(#[from] MaxMindDbError),
}

impl fmt::Debug for GeoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GeoDatabase")
            .field(&self.current().source)
            .finish()
    }
}

impl Current {
    fn new(bytes: Vec<u8>) -> Result<Current, GeoError> {
        let reader = Reader::from_source(bytes)?;
        let source = Text::from(reader.metadata().database_type.as_str());
        Ok(Current { reader, source })
    }
}

impl GeoDatabase {
    /// The database that these bytes are.
    pub fn new(bytes: Vec<u8>) -> Result<GeoDatabase, GeoError> {
        let current = RwLock::new(Arc::new(Current::new(bytes)?));
        Ok(GeoDatabase { current })
    }

    /// Puts another in its place; if that is none, the old one stays.
    pub fn replace(&self, bytes: Vec<u8>) -> Result<(), GeoError> {
        let new = Arc::new(Current::new(bytes)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where an address is, if that is known.
    pub(crate) fn look_up(&self, address: IpAddr) -> Option<Geolocation> {
        let current = self.current();
        let place: Place<'_> = current.reader.lookup(address).ok()?.decode().ok()??;
        let text = |text: Option<&str>| text.map(Text::from);
        let country = place.country.iso_code;
        let region = place.subdivisions.first();
        let code = country.zip(region.and_then(|region| region.iso_code));
        Some(Geolocation {
            country: text(country),
            country_name: text(place.country.names.en),
            region: code.map(|(country, region)| Text::from(format!("{country}-{region}"))),
            region_name: text(region.and_then(|region| region.names.en)),
            locality: text(place.city.names.en),
            postal_code: text(place.postal.code),
            timezone: text(place.location.time_zone),
            source: Some(current.source.clone()),
        })
    }
}

/// What is read of a record of the City and Country databases.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Place<'a> {
    #[serde(borrow)]
    country: Named<'a>,
    subdivisions: Vec<Named<'a>>,
    city: Named<'a>,
    postal: Postal<'a>,
    location: Location<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    iso_code: Option<&'a str>,
    names: Names<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Names<'a> {
    #[serde(borrow)]
    en: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Postal<'a> {
    #[serde(borrow)]
    code: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Location<'a> {
    #[serde(borrow)]
    time_zone: Option<&'a str>,
}

/// A database's file, with what it looked like when it was last read.
#[derive(Debug)]
pub struct GeoFile {
    path: PathBuf,
    database: Arc<GeoDatabase>,
    seen: Option<(u64, SystemTime)>,
}

impl GeoFile {
    /// Reads a file.
    pub fn open(path: PathBuf) -> Result<GeoFile, GeoError> {
        let seen = stamp(&path);
        let database = Arc::new(GeoDatabase::new(read(&path)?)?);
        Ok(GeoFile {
            path,
            database,
            seen,
        })
    }

    /// What it holds, now and after every reload.
    pub fn database(&self) -> Arc<GeoDatabase> {
        Arc::clone(&self.database)
    }

    /// Reads it again if it has changed, and says whether it has. What cannot be used is left, and tried again when it has
    /// changed once more.
    pub fn reload_if_changed(&mut self) -> Result<bool, GeoError> {
        let now = stamp(&self.path);
        if now.is_none() || now == self.seen {
            return Ok(false);
        }
        self.seen = now;
        self.database.replace(read(&self.path)?)?;
        Ok(true)
    }
}

fn stamp(path: &PathBuf) -> Option<(u64, SystemTime)> {
    let file = fs::metadata(path).ok()?;
    Some((file.len(), file.modified().ok()?))
}

fn read(file: &PathBuf) -> Result<Vec<u8>, GeoError> {
    fs::read(file).map_err(|source| GeoError::Read {
        file: file.clone(),
        source,
    })
}
