//! The source of the kernels: what is common to all cells, and a cell's own steps.

/// The common parts, in the order in which they stand in a program; the cell's own stands between the two.
const BEFORE: [&str; 5] = [
    include_str!("device.cu"),
    include_str!("mathematics.cu"),
    include_str!("normals.cu"),
    include_str!("product.cu"),
    include_str!("step.cu"),
];
const AFTER: [&str; 3] = [include_str!("sweep.cu"), include_str!("outputs.cu"), include_str!("update.cu")];

/// The kernels for a cell, or for several that differ in numbers alone.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its name, for messages and files.
    pub(crate) name: &'static str,
    /// The cell's steps: `struct Cell` with `forward` and `backward`, as step.cu says.
    pub(crate) cell: &'static str,
}

impl Program {
    /// All of the source.
    pub(crate) fn source(&self) -> String {
        let parts = BEFORE.into_iter().chain([self.cell]).chain(AFTER);
        parts.collect::<Vec<_>>().join("\n")
    }

    /// The names of all kernels.
    #[cfg(test)]
    pub(crate) fn kernels(&self) -> Vec<String> {
        let announced = |line: &str| Some(line.strip_prefix("KERNEL(")?.split(',').next()?.to_owned());
        self.source().lines().filter_map(announced).collect()
    }
}
