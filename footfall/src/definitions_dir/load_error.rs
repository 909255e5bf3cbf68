//! Why files hold no definitions.

use std::{error::Error, fmt, io, path::PathBuf};

/// Why definitions could not be read from files.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// A file or directory cannot be read.
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not JSON, or not a definition.
    Parse {
        /// Which one.
        path: PathBuf,
        /// Which element of the array, from 0; `None` of a file that is one definition, or no JSON at all.
        element: Option<usize>,
        /// What serde says.
        source: serde_json::Error,
    },
    /// There is no `*.json` file.
    Empty {
        /// The directory.
        path: PathBuf,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Read { path, .. } => write!(f, "{} cannot be read", path.display()),
            LoadError::Parse {
                path,
                element: None,
                ..
            } => write!(f, "{} is not a definition", path.display()),
            LoadError::Parse {
                path,
                element: Some(at),
                ..
            } => {
                write!(f, "{}: [{at}] is not a definition", path.display())
            }
            LoadError::Empty { path } => write!(f, "{} holds no *.json file", path.display()),
        }
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LoadError::Read { source, .. } => Some(source),
            LoadError::Parse { source, .. } => Some(source),
            LoadError::Empty { .. } => None,
        }
    }
}
