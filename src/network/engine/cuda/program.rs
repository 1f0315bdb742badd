//! The source of the kernels: what is common to all cells, and a cell's own steps.

/// What every program begins with.
const BASIS: [&str; 2] = [include_str!("device.cu"), include_str!("mathematics.cu")];
/// What stands before a cell's steps, and behind them.
const BEFORE: [&str; 4] =
    [include_str!("normals.cu"), include_str!("noise.cu"), include_str!("product.cu"), include_str!("step.cu")];
const BEHIND: [&str; 3] = [include_str!("sweep.cu"), include_str!("outputs.cu"), include_str!("update.cu")];
/// What makes trials, beside the basis.
const TRIALS: [&str; 2] = [include_str!("normals.cu"), include_str!("trials.cu")];
/// What a sweep in clusters stands on.
const CLUSTERS: &str = include_str!("cluster.cu");

/// Kernels that are compiled together.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its name, for messages and files.
    pub(crate) name: &'static str,
    /// What is in it.
    pub(crate) parts: Parts,
}

/// What is in a program.
#[derive(Debug)]
pub(crate) enum Parts {
    /// All that a network needs, with these steps of a cell or of several that differ in numbers alone: `struct Cell`
    /// with `forward` and `backward`, as step.cu says.
    Cell(&'static str),
    /// The making of trials.
    Trials,
    /// The sweeps alone, for cards with clusters of blocks and networks that fit.
    Clusters {
        /// The most units.
        units: usize,
        /// Blocks of a cluster.
        blocks: usize,
        /// The kernels `forward_one`, `forward_four`, `backward_one` and `backward_four`, by the trials of a cluster.
        kernels: &'static str,
    },
}

impl Program {
    /// All of the source.
    pub(crate) fn source(&self) -> String {
        match self.parts {
            Parts::Cell(steps) => {
                let parts = BASIS.into_iter().chain(BEFORE).chain([steps]).chain(BEHIND);
                parts.collect::<Vec<_>>().join("\n")
            }
            Parts::Trials => BASIS.into_iter().chain(TRIALS).collect::<Vec<_>>().join("\n"),
            Parts::Clusters { units, blocks, kernels } => {
                let sizes = format!("#define UNITS {units}\n#define BLOCKS {blocks}");
                [BASIS.join("\n").as_str(), CLUSTERS, &sizes, kernels].join("\n")
            }
        }
    }

    /// The names of all kernels.
    #[cfg(test)]
    pub(crate) fn kernels(&self) -> Vec<String> {
        let announced = |line: &str| {
            let line = line.strip_prefix("CLUSTER_").unwrap_or(line);
            Some(line.strip_prefix("KERNEL(")?.split(',').next()?.to_owned())
        };
        self.source().lines().filter_map(announced).collect()
    }
}
