"""Tables of the project's store."""

APPLICATION_ID = 0x5EC05EC0 & 0x7FFFFFFF
"""SQLite's application_id of a SeCo store: tells it from any other SQLite file."""

VERSION = 5
"""SQLite's user_version: raised whenever the tables change."""

_REGION_FILE = "".join(
    f"CREATE TRIGGER {table}_{change.lower()} AFTER {change} ON {table}"
    " BEGIN DELETE FROM meta WHERE key = 'region_file'; END;\n"
    for table in ("regions", "scores")
    for change in ("INSERT", "UPDATE", "DELETE")
)
"""The file of all regions beside the store (see `region_file`) holds until one of them changes."""

TABLES = (
    """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- paths are relative to the dataset's folder where they can be
CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image TEXT NOT NULL,
    pseudo_label TEXT NOT NULL,
    confidence TEXT,
    height INTEGER, width INTEGER,
    status TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'done', 'skipped')),
    problem TEXT,
    -- JSON of the files that the regions were made of, see pipeline.inputs
    inputs_stat TEXT,
    inputs_sha256 TEXT,
    -- pixels of the pseudo-label that are of no class and were read as ignore
    foreign_pixels INTEGER NOT NULL DEFAULT 0
);

-- apart from the images, so that no query of the pipeline can see it; only evaluation reads it
CREATE TABLE ground_truth (
    image_id INTEGER PRIMARY KEY REFERENCES images(id), path TEXT NOT NULL
);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    version TEXT NOT NULL,
    parameters TEXT NOT NULL,
    sources TEXT NOT NULL,
    device TEXT NOT NULL,
    started TEXT NOT NULL,
    finished TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'cancelled', 'failed')),
    summary TEXT
);

-- which stage of which image is up to date: its signature covers inputs, parameters and version
CREATE TABLE ledger (
    image_id INTEGER NOT NULL REFERENCES images(id),
    stage TEXT NOT NULL,
    signature TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs(id),
    PRIMARY KEY (image_id, stage)
) WITHOUT ROWID;

CREATE TABLE project_ledger (
    stage TEXT PRIMARY KEY, signature TEXT NOT NULL, run_id INTEGER NOT NULL REFERENCES runs(id)
) WITHOUT ROWID;

CREATE TABLE rasters (
    image_id INTEGER NOT NULL REFERENCES images(id),
    kind TEXT NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (image_id, kind)
) WITHOUT ROWID;

-- id = image id * 65536 + id in the image's region id map
CREATE TABLE regions (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES images(id),
    class_id INTEGER NOT NULL,
    area INTEGER NOT NULL,
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
    centroid_row REAL NOT NULL, centroid_col REAL NOT NULL,
    confidence REAL,
    votes BLOB NOT NULL
);
CREATE INDEX regions_of_image ON regions(image_id);

CREATE TABLE scores (
    region_id INTEGER PRIMARY KEY REFERENCES regions(id) ON DELETE CASCADE,
    run_id INTEGER NOT NULL REFERENCES runs(id),
    loss REAL NOT NULL,
    noise_score REAL NOT NULL,
    predicted INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    probabilities BLOB NOT NULL,
    -- of the graph VAE, which comes after the graph
    uncertainty REAL, rec_error REAL, entropy REAL, kl REAL,
    -- parts of the noise score, and the score of fitting no class
    eta REAL, disagreement REAL, label_quality REAL, unknown_score REAL
);

-- what a stage over all regions has made beside the store: trained networks, the relational graph
CREATE TABLE models (
    stage TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs(id)
) WITHOUT ROWID;

-- what people decided: overrides and their undoing, only ever added to
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL,
    time TEXT NOT NULL,
    by TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('override', 'undo', 'redo')),
    target_batch INTEGER,
    action TEXT,
    image_id INTEGER REFERENCES images(id),
    region_id INTEGER,
    class_id INTEGER,
    x0 INTEGER, y0 INTEGER, x1 INTEGER, y1 INTEGER,
    mask BLOB,
    -- NULL = by hand; "proposal" = follows from the override source_seq, and a person agreed;
    -- "import" = from a label set
    origin TEXT,
    source_seq INTEGER
);
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the log of overrides is append-only'); END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the log of overrides is append-only'); END;
"""
    + _REGION_FILE
)

MIGRATIONS = {
    1: """
ALTER TABLE scores ADD COLUMN eta REAL;
ALTER TABLE scores ADD COLUMN disagreement REAL;
ALTER TABLE scores ADD COLUMN label_quality REAL;
ALTER TABLE scores ADD COLUMN unknown_score REAL;
ALTER TABLE events ADD COLUMN origin TEXT;
ALTER TABLE events ADD COLUMN source_seq INTEGER;
-- the noise score was eta alone: the next run makes the new one
UPDATE scores SET eta = noise_score;
-- the graph is a file now
DROP TABLE edges;
DELETE FROM project_ledger;
""",
    2: _REGION_FILE,
    3: """
ALTER TABLE images ADD COLUMN inputs_stat TEXT;
-- it was one hash of all files, which could not tell another image from another pseudo-label
UPDATE images SET inputs_sha256 = NULL;
-- 0 stood for a person's decision, which is told apart now; until the next run eta is what the machine says
UPDATE scores SET noise_score = eta WHERE noise_score = 0 AND eta IS NOT NULL;
""",
    4: """
ALTER TABLE images ADD COLUMN foreign_pixels INTEGER NOT NULL DEFAULT 0;
""",
}
"""What brings a store of an earlier version to the next one."""
