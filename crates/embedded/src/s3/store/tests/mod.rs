//! The store without HTTP: what a crash between any two steps leaves, and what readers see
//! meanwhile.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;

mod objects;
mod uploads;

const BUCKET: &str = "clips";
/// The least a part that is not the last may have.
const MIN: usize = 5 << 20;

struct Fixture {
    dir: TempDir,
    store: Option<Store>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut fixture = Self { dir, store: None };
        fixture.reopen();
        fixture.store().create_bucket(BUCKET).expect("a bucket");
        fixture
    }

    /// What a crash does to the store: everything in memory is gone.
    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(self.dir.path(), false).expect("a store"));
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("open")
    }

    fn bucket(&self) -> Arc<Bucket> {
        self.store().find_bucket(BUCKET).expect("the bucket")
    }

    fn body(&self, bytes: &[u8]) -> Received {
        let mut receiver = self.store().receive(Digests::new()).expect("a file");
        receiver.write(&[Bytes::copy_from_slice(bytes)]).expect("written");
        receiver.finish(&ExpectedDigests::default()).expect("whole")
    }

    fn put(&self, key: &str, bytes: &[u8]) -> ObjectMeta {
        self.put_if(key, bytes, &Condition::None).expect("stored")
    }

    fn put_if(&self, key: &str, bytes: &[u8], condition: &Condition) -> Result<ObjectMeta, StoreError> {
        self.bucket().put(key, self.body(bytes), Attributes::default(), condition)
    }

    fn get(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        read_all(&mut self.bucket().open(key)?)
    }

    fn keys(&self) -> Vec<String> {
        let query = Query { prefix: "", delimiter: None, start: Start::Beginning, max: 1_000 };
        self.bucket().list(&query).objects.into_iter().map(|(key, _)| key).collect()
    }

    fn create_upload(&self, key: &str) -> String {
        self.bucket().create_upload(NewUpload { key: key.to_owned(), ..NewUpload::default() }).expect("an upload")
    }

    fn put_part(&self, key: &str, id: &str, number: u32, bytes: &[u8]) -> ChosenPart {
        let part = self.bucket().put_part(key, id, number, self.body(bytes)).expect("a part");
        ChosenPart { number, etag: part.etag, checksums: Checksums::default() }
    }

    fn complete(&self, key: &str, id: &str, parts: &[ChosenPart]) -> Result<ObjectMeta, StoreError> {
        self.bucket().complete_upload(key, id, parts, &Condition::None)
    }

    /// An object of two parts, and its upload.
    fn put_in_parts(&self, key: &str, last: &[u8]) -> (String, Vec<ChosenPart>) {
        let id = self.create_upload(key);
        let parts = vec![self.put_part(key, &id, 1, &vec![1; MIN]), self.put_part(key, &id, 4, last)];
        self.complete(key, &id, &parts).expect("completed");
        (id, parts)
    }

    fn open_uploads(&self) -> usize {
        self.bucket().list_uploads("", ("", ""), 1_000).0.len()
    }

    fn upload_dir(&self, id: &str) -> PathBuf {
        self.dir.path().join("buckets").join(BUCKET).join("multipart").join(id)
    }

    fn object_path(&self, key: &str) -> PathBuf {
        let name = bucket::object_name(key);
        self.dir.path().join("buckets").join(BUCKET).join("objects").join(&name[..2]).join(name)
    }

    fn files_aside(&self) -> usize {
        fs::read_dir(self.dir.path().join("tmp")).expect("the folder").count()
    }
}

fn read_all(reader: &mut ObjectReader) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    while bytes.len() < usize::try_from(reader.meta.size).expect("small") {
        bytes.extend_from_slice(&reader.read_at(bytes.len() as u64, 1 << 20)?);
    }
    Ok(bytes)
}
