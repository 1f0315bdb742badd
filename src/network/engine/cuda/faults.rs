//! What can be wrong with a GPU, each with its remedy.

use cudarc::driver::sys::CUresult;

use crate::error::Error;

/// Cards before this one are not served.
pub(super) const OLDEST: (i32, i32) = (7, 5);

/// What anybody can do who cannot have the GPU.
const OR_CPU: &str = "or compute on the CPU (`Device::Cpu`)";

fn unusable(ordinal: usize, why: impl std::fmt::Display, remedy: impl std::fmt::Display) -> Error {
    Error::argument(format!("the GPU cuda:{ordinal} cannot be used, {why}"), format!("{remedy}, {OR_CPU}"))
}

/// There is no driver.
pub(super) fn no_driver(ordinal: usize) -> Error {
    unusable(
        ordinal,
        "since this machine has no NVIDIA driver (libcuda was not found)",
        "install the driver from https://www.nvidia.com/drivers if it has such a card",
    )
}

/// The driver lacks what is asked of it.
pub(super) fn old_driver(ordinal: usize) -> Error {
    unusable(
        ordinal,
        "since its driver or its NVRTC lacks a function that is needed",
        "update the driver (that of CUDA 12 or later; `nvidia-smi` shows it)",
    )
}

/// There is no NVRTC.
pub(super) fn no_nvrtc(ordinal: usize) -> Error {
    unusable(
        ordinal,
        "since CUDA's run-time compiler (NVRTC) was not found",
        "install it with `pip install nvidia-cuda-nvrtc` into the active Python environment, or with the CUDA toolkit, \
         or name the file libnvrtc.so.13 in MATURATION_NVRTC",
    )
}

/// The compiler is of a later CUDA version than the driver, which takes nothing from it.
pub(super) fn newer_compiler(ordinal: usize, compiler: (i32, i32), driver: (i32, i32)) -> Error {
    let version = |(major, minor): (i32, i32)| format!("{major}.{minor}");
    unusable(
        ordinal,
        format!("since its driver is of CUDA {}, and NVRTC of CUDA {}", version(driver), version(compiler)),
        format!(
            "update the driver, or install the NVRTC of its version (`pip install nvidia-cuda-nvrtc-cu{}`)",
            driver.0
        ),
    )
}

/// There are cards, but not this one.
pub(super) fn no_such_device(ordinal: usize, count: usize) -> Error {
    let remedy = match count {
        0 => "check with `nvidia-smi` that the driver sees it".to_owned(),
        1 => "there is one, cuda:0".to_owned(),
        _ => format!("choose one of cuda:0 to cuda:{}", count - 1),
    };
    unusable(ordinal, format!("since the driver knows {count} of them"), remedy)
}

/// The card is from before the kernels.
pub(super) fn too_old(ordinal: usize, name: &str, (major, minor): (i32, i32)) -> Error {
    let (least_major, least_minor) = OLDEST;
    unusable(
        ordinal,
        format!("since {name} has compute capability {major}.{minor}, and {least_major}.{least_minor} is needed"),
        "use a card of the Turing generation (2018) or later",
    )
}

/// The kernels did not compile.
pub(super) fn not_compiled(ordinal: usize, cell: &str, log: &str) -> Error {
    let log = log.trim().replace('\n', " | ");
    unusable(
        ordinal,
        format!("since NVRTC refuses the kernels of cell `{cell}` ({log})"),
        "install the NVRTC of another CUDA version (12.8 or later, for example `pip install nvidia-cuda-nvrtc`)",
    )
}

/// The driver refused something.
pub(super) fn refused(ordinal: usize, doing: &str, code: CUresult, text: &str) -> Error {
    match code {
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => unusable(
            ordinal,
            format!("since its memory is full ({doing})"),
            "use a smaller batch or network, end what else runs on the card (`nvidia-smi` lists it)",
        ),
        CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION | CUresult::CUDA_ERROR_INVALID_PTX => unusable(
            ordinal,
            format!("since its driver does not understand what NVRTC made ({text})"),
            "update the driver, or install the NVRTC of the driver's CUDA version, which `nvidia-smi` shows",
        ),
        CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH | CUresult::CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE => unusable(
            ordinal,
            format!("since the driver's library is not that of the running system ({text})"),
            "restart the machine after an update of the driver",
        ),
        _ => unusable(
            ordinal,
            format!("since the driver failed at {doing}: {text}"),
            "check the card with `nvidia-smi`; what was finished is on disk, and training again goes on from there",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each fault says what is wrong and what to do, and always that the CPU does it as well.
    #[test]
    fn every_fault_has_its_remedy() {
        let refusal = |code| refused(1, "making room for 4 MiB", code, "the driver's words");
        let faults = [
            (no_driver(0), "no NVIDIA driver", "nvidia.com/drivers"),
            (old_driver(0), "lacks a function", "update the driver"),
            (no_nvrtc(0), "NVRTC", "pip install nvidia-cuda-nvrtc"),
            (newer_compiler(0, (13, 1), (12, 8)), "of CUDA 12.8, and NVRTC of CUDA 13.1", "nvidia-cuda-nvrtc-cu12"),
            (no_such_device(3, 0), "knows 0", "nvidia-smi"),
            (no_such_device(3, 1), "knows 1", "cuda:0"),
            (no_such_device(3, 2), "cuda:3", "cuda:0 to cuda:1"),
            (too_old(0, "Tesla K80", (3, 7)), "Tesla K80 has compute capability 3.7", "Turing"),
            (not_compiled(0, "LeakyRNN", "line 3: error\n1 error"), "line 3: error | 1 error", "another CUDA version"),
            (refusal(CUresult::CUDA_ERROR_OUT_OF_MEMORY), "full (making room for 4 MiB)", "smaller batch"),
            (refusal(CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION), "NVRTC made", "update the driver"),
            (refusal(CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH), "not that of the running system", "restart"),
            (refusal(CUresult::CUDA_ERROR_LAUNCH_FAILED), "the driver's words", "goes on from there"),
        ];
        for (fault, what, remedy) in faults {
            let message = fault.to_string();
            assert!(
                message.contains(what) && message.contains(remedy) && message.contains("`Device::Cpu`"),
                "{message}"
            );
        }
    }
}
