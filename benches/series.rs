//! Loading a DICOM series from the page cache: a folder of 64 slices of 256 x 256, written for the purpose.
#![allow(clippy::expect_used)]

use biplane::geometry::{Frame, Volume};
use biplane::io::Progress;
use biplane::io::dicom::{self, SeriesInfo};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const DIMS: [usize; 3] = [256, 256, 64];

fn load(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let frame = Frame::centred(DIMS, [1.4, 1.4, 5.0], [0.0; 3]).expect("a plausible grid");
    let hu = (0..frame.len()).map(|i| (i % 4000) as i16 - 1000).collect();
    let volume = Volume::new(frame, hu).expect("as many values as voxels");
    dicom::write_series(&volume, folder.path(), &SeriesInfo::default(), &Progress::new()).expect("room on the disk");
    let mut group = criterion.benchmark_group("dicom series");
    group.throughput(Throughput::Bytes(2 * volume.hu().len() as u64));
    group.bench_function("load 256 x 256 x 64", |bencher| {
        bencher.iter(|| black_box(dicom::open_series(folder.path(), &Progress::new()).expect("our own series")));
    });
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
