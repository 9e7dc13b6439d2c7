//! Which directories a session may be started in.
//!
//! A path is resolved with its symbolic links and has to lie in one of the roots, resolved the same way. Whoever may
//! change directories inside of a root can still swap one for a link between this check and the program's start; what
//! a program does once it runs is not confined at all. Give the server a user of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{AgentError, SettingsError};

/// The project of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// What listings show: the directory, or the client's own text where no directory is involved.
    pub label: String,
    /// The directory, resolved; `None` if project paths are labels.
    pub directory: Option<PathBuf>,
}

/// What a client's project path may be.
#[derive(Debug, Clone)]
pub enum Projects {
    /// Any text; it is never used as a path.
    Labels,
    /// A directory inside of the roots.
    Roots(ProjectRoots),
}

impl Projects {
    /// The project that a client's path names.
    ///
    /// # Errors
    ///
    /// [`AgentError::ProjectNotFound`] if it is none.
    pub async fn resolve(&self, path: &str) -> Result<Project, AgentError> {
        let roots = match self {
            Self::Labels => {
                return Ok(Project {
                    label: path.to_owned(),
                    directory: None,
                });
            }
            Self::Roots(roots) => roots.clone(),
        };
        let path = path.to_owned();
        let directory = tokio::task::spawn_blocking(move || roots.resolve(&path))
            .await
            .unwrap_or(Err(AgentError::ProjectNotFound))?;
        Ok(Project {
            label: directory.display().to_string(),
            directory: Some(directory),
        })
    }
}

/// Directories in which projects may lie.
#[derive(Debug, Clone)]
pub struct ProjectRoots {
    // Resolved, and at least one; relative paths start at the first.
    roots: Arc<[PathBuf]>,
}

impl ProjectRoots {
    /// Resolves the roots; without any, the current directory is the only one.
    ///
    /// # Errors
    ///
    /// When a root does not exist, cannot be read, or is no directory.
    pub fn new(roots: &[PathBuf]) -> Result<Self, SettingsError> {
        let current = [PathBuf::from(".")];
        let roots = if roots.is_empty() {
            current.as_slice()
        } else {
            roots
        };
        let resolved = roots.iter().map(|root| {
            let path = root.canonicalize().map_err(|source| SettingsError::Root {
                path: root.clone(),
                source,
            })?;
            if path.is_dir() {
                Ok(path)
            } else {
                Err(SettingsError::RootNotDirectory(root.clone()))
            }
        });
        Ok(Self {
            roots: resolved.collect::<Result<_, _>>()?,
        })
    }

    /// The directory that a path names, with symbolic links resolved. A relative path starts at the first root. Blocks
    /// on the file system.
    ///
    /// # Errors
    ///
    /// [`AgentError::ProjectNotFound`] for everything that is no directory inside of a root. That a path exists outside
    /// of them makes no difference.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, AgentError> {
        let first = self
            .roots
            .first()
            .filter(|_| !path.is_empty())
            .ok_or(AgentError::ProjectNotFound)?;
        let directory = first
            .join(path)
            .canonicalize()
            .map_err(|_| AgentError::ProjectNotFound)?;
        if self.contain(&directory) && directory.is_dir() {
            Ok(directory)
        } else {
            Err(AgentError::ProjectNotFound)
        }
    }

    fn contain(&self, directory: &Path) -> bool {
        self.roots.iter().any(|root| directory.starts_with(root))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Place {
        _dir: tempfile::TempDir,
        base: PathBuf,
        roots: ProjectRoots,
    }

    /// `one` and `two` are roots; `outside` and `one-more` are not.
    fn place() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for path in ["one/app/src", "two/lib", "outside/secret", "one-more"] {
            fs::create_dir_all(base.join(path)).unwrap();
        }
        fs::write(base.join("one/file"), "").unwrap();
        let roots = ProjectRoots::new(&[base.join("one"), base.join("two")]).unwrap();
        Place {
            _dir: dir,
            base,
            roots,
        }
    }

    #[test]
    fn a_directory_inside_of_any_root_is_found() {
        let place = place();
        let at = |path: &str| place.roots.resolve(path);
        assert_eq!(at("app"), Ok(place.base.join("one/app")));
        assert_eq!(at("app/../app/./src/"), Ok(place.base.join("one/app/src")));
        assert_eq!(at("."), Ok(place.base.join("one")));
        let absolute = place.base.join("two/lib");
        assert_eq!(at(absolute.to_str().unwrap()), Ok(absolute));
    }

    #[test]
    fn everything_else_is_not_found_and_looks_the_same() {
        let place = place();
        let absolute = |path: &str| place.base.join(path).to_str().unwrap().to_owned();
        let paths = [
            "missing".to_owned(),
            "file".to_owned(),
            String::new(),
            "..".to_owned(),
            "../outside/secret".to_owned(),
            "app/../../outside".to_owned(),
            absolute("outside/secret"),
            absolute("outside/missing"),
            // Begins with the name of a root, but is another directory.
            absolute("one-more"),
            "/".to_owned(),
            "/etc".to_owned(),
            "app\0".to_owned(),
            "lib".to_owned(),
            "x".repeat(100_000),
        ];
        for path in paths {
            assert_eq!(
                place.roots.resolve(&path),
                Err(AgentError::ProjectNotFound),
                "{path:?}"
            );
        }
    }

    #[test]
    fn a_link_counts_as_what_it_points_to() {
        let place = place();
        symlink(place.base.join("outside/secret"), place.base.join("one/out")).unwrap();
        symlink(place.base.join("two/lib"), place.base.join("one/in")).unwrap();
        symlink("loop", place.base.join("one/loop")).unwrap();
        assert_eq!(place.roots.resolve("out"), Err(AgentError::ProjectNotFound));
        assert_eq!(place.roots.resolve("loop"), Err(AgentError::ProjectNotFound));
        assert_eq!(place.roots.resolve("in"), Ok(place.base.join("two/lib")));
        // `..` after a link is the parent of its target, as the system has it.
        assert_eq!(place.roots.resolve("in/.."), Ok(place.base.join("two")));
        assert_eq!(place.roots.resolve("out/../../one"), Ok(place.base.join("one")));
    }

    #[test]
    fn a_root_may_be_a_link_itself() {
        let place = place();
        symlink(place.base.join("two"), place.base.join("link")).unwrap();
        let roots = ProjectRoots::new(&[place.base.join("link")]).unwrap();
        assert_eq!(roots.resolve("lib"), Ok(place.base.join("two/lib")));
        assert_eq!(
            roots.resolve(place.base.join("link/lib").to_str().unwrap()),
            Ok(place.base.join("two/lib"))
        );
    }

    #[test]
    fn bad_roots_are_refused_at_start() {
        let place = place();
        assert!(matches!(
            ProjectRoots::new(&[place.base.join("missing")]),
            Err(SettingsError::Root { .. })
        ));
        assert!(matches!(
            ProjectRoots::new(&[place.base.join("one/file")]),
            Err(SettingsError::RootNotDirectory(_))
        ));
    }

    #[test]
    fn without_roots_the_current_directory_is_one() {
        let roots = ProjectRoots::new(&[]).unwrap();
        let current = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(roots.resolve("src"), Ok(current.join("src")));
        assert_eq!(roots.resolve("/"), Err(AgentError::ProjectNotFound));
    }

    #[tokio::test]
    async fn a_label_is_never_a_path() {
        let project = Projects::Labels.resolve("/srv/p1").await.unwrap();
        assert_eq!(
            project,
            Project {
                label: "/srv/p1".to_owned(),
                directory: None
            }
        );
    }
}
