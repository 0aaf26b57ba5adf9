//! Bodies between those of two patients: a case bent part of the way, or a little beyond, towards another's shape, through
//! the template that both were registered to. Knows no sample.

use super::TrainError;
use super::dataset::CaseFile;
use super::prepare::fields::{FIELDS_FOLDER, Field};
use crate::geometry::{CUBE_SIDE_VOXELS, CUBE_SPACING_MM};
use crate::registration::Map;
use rand::Rng;
use std::path::Path;

/// How far towards the other a case may be bent: a little beyond, so that no shape is the last one.
const MOST: f64 = 1.1;
/// Nodes along a side of the map between two cases, as many as their fields have.
const NODES: usize = 32;

/// A bend towards another case.
pub struct Towards {
    /// From the other's space into the case's: the case read through it has the other's shape.
    map: Map,
    /// How far, 0 to 1.1.
    share: f32,
}

impl Towards {
    /// From the fields of the case and of the other.
    pub fn new(case: &Field, other: &Field, share: f64) -> Self {
        Self { map: case.to_case.after(&other.from_case, NODES), share: share as f32 }
    }

    /// Where a voxel of the bent cube lies in the case's cube, voxels (x, y, z) both.
    pub fn at(&self, p: [f32; 3]) -> [f32; 3] {
        let middle = (CUBE_SIDE_VOXELS as f64 - 1.0) / 2.0;
        let there = self.map.at(p.map(|v| (f64::from(v) - middle) * CUBE_SPACING_MM));
        std::array::from_fn(|k| {
            let moved = (there[k] / CUBE_SPACING_MM + middle) as f32;
            p[k] + self.share * (moved - p[k])
        })
    }
}

/// The fields of a data set's training cases, in their order; those that could not be registered have none.
#[derive(Default)]
pub struct Fields {
    fields: Vec<Option<Field>>,
}

impl Fields {
    /// Reads the fields of cases beside their data set, as `biplane prepare --register` made them.
    ///
    /// # Errors
    /// [`TrainError::Data`] where fewer than two cases have one, one was made for another cube, or two of them are of
    /// different templates.
    pub fn open(data: &Path, cases: &[CaseFile]) -> Result<Self, TrainError> {
        let folder = data.join(FIELDS_FOLDER);
        let fault = |cause: String| TrainError::Data { path: folder.clone(), cause };
        let read = |case: &CaseFile| {
            let path = folder.join(format!("{}.safetensors", case.name));
            let field = path.exists().then(|| Field::read(&path)).transpose()?;
            if let Some(field) = &field
                && field.card.case_sha256 != case.file_sha256()?
            {
                let cause = "was made for another cube of its case; make it again with `biplane prepare --register`";
                return Err(TrainError::Data { path, cause: cause.into() });
            }
            Ok(field)
        };
        let fields: Vec<Option<Field>> = cases.iter().map(read).collect::<Result<_, _>>()?;
        let mut templates: Vec<&str> = fields.iter().flatten().map(|f| f.card.template_sha256.as_str()).collect();
        let count = templates.len();
        templates.sort_unstable();
        templates.dedup();
        match (count, templates.len()) {
            (0 | 1, _) => Err(fault(format!(
                "has fields of {count} training cases, data.between_share needs two; make them with `biplane prepare \
                 --register {}`, or set data.between_share = 0",
                data.display()
            ))),
            (_, 1) => Ok(Self { fields }),
            _ => Err(fault("has fields of different templates; make them again with one".into())),
        }
    }

    /// Whether a training case can be bent towards others.
    pub fn has(&self, index: usize) -> bool {
        self.fields.get(index).is_some_and(Option::is_some)
    }

    /// A bend of training case `index` towards any other, `None` for a share of the draws and where it has no field.
    pub fn draw(&self, index: usize, share: f64, rng: &mut impl Rng) -> Option<Towards> {
        let (bends, far) = (rng.random_bool(share), rng.random_range(0.0..MOST));
        let others: Vec<&Field> =
            self.fields.iter().enumerate().filter(|(k, _)| *k != index).filter_map(|(_, f)| f.as_ref()).collect();
        let case = self.fields.get(index)?.as_ref().filter(|_| bends && !others.is_empty())?;
        Some(Towards::new(case, others[rng.random_range(0..others.len())], far))
    }
}
