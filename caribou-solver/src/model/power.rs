//! Energy of executing a function.
//!
//! `E = (E_cpu + E_mem) x PUE`, with
//!
//! - `E_cpu = P_vcpu x n_vcpu x t`, `P_vcpu = P_min + utilisation x (P_max - P_min)`, `n_vcpu = MB / 1769`;
//! - `E_mem = 0.3725 W/GB x GB x t`.
//!
//! `utilisation x n_vcpu x t` is the CPU time, so that `E_cpu = P_min x n_vcpu x t + (P_max - P_min) x t_cpu`: linear
//! in the billed time and in the CPU time. `P_min` and `P_max` are those of the function's architecture. Execution carbon is `E x I_grid(region, hour)`.

use caribou_model::{Architecture, FunctionSpec, KilowattHours, RegionFacts, Seconds};

use crate::usage::NodeUse;

/// Power of an idle vCPU, in W (Cloud Carbon Footprint, AWS average).
pub const IDLE_W_PER_VCPU: f64 = 0.74;
/// Power of a vCPU at full load, in W (Cloud Carbon Footprint, AWS average).
pub const FULL_W_PER_VCPU: f64 = 3.5;
/// Power of an idle vCPU of an Arm processor, in W (Cloud Carbon Footprint, Graviton2, from `SPECpower`).
pub const ARM_IDLE_W_PER_VCPU: f64 = 0.4743;
/// Power of a vCPU of an Arm processor at full load, in W (Cloud Carbon Footprint, Graviton2, from `SPECpower`).
pub const ARM_FULL_W_PER_VCPU: f64 = 1.693;
/// Power of memory, in W per GB (Caribou's documentation).
pub const MEMORY_W_PER_GB: f64 = 0.3725;
/// Memory that comes with one vCPU on AWS Lambda, in MB.
pub const MB_PER_VCPU: f64 = 1769.0;
/// Utilisation of a function whose CPU time was not measured (Cloud Carbon Footprint's average of 2020).
pub const ASSUMED_UTILISATION: f64 = 0.5;
/// Watt-seconds in a kilowatt-hour.
pub const JOULES_PER_KWH: f64 = 3.6e6;

/// Power of an idle vCPU of a function's architecture, in W.
pub fn idle_w_per_vcpu(spec: &FunctionSpec) -> f64 {
    match spec.architecture {
        Architecture::X86_64 => IDLE_W_PER_VCPU,
        Architecture::Arm64 => ARM_IDLE_W_PER_VCPU,
    }
}

/// Power of a vCPU of a function's architecture at full load, in W.
pub fn full_w_per_vcpu(spec: &FunctionSpec) -> f64 {
    match spec.architecture {
        Architecture::X86_64 => FULL_W_PER_VCPU,
        Architecture::Arm64 => ARM_FULL_W_PER_VCPU,
    }
}

/// The vCPUs that a function's memory comes with.
pub fn vcpus(spec: &FunctionSpec) -> f64 {
    f64::from(spec.memory_mb) / MB_PER_VCPU
}

/// A function's memory in GB, as AWS bills it: MB / 1024.
pub fn memory_gb(spec: &FunctionSpec) -> f64 {
    f64::from(spec.memory_mb) / 1024.0
}

/// Power of an instance whose processor has nothing to do, in W.
pub fn waiting_w(spec: &FunctionSpec) -> f64 {
    idle_w_per_vcpu(spec) * vcpus(spec) + MEMORY_W_PER_GB * memory_gb(spec)
}

/// Energy of one execution, without the data centre's overhead.
///
/// CPU time that was not measured is taken as [`ASSUMED_UTILISATION`] of what the function's vCPUs could do in the
/// billed time; no more than that is counted where it was measured.
///
/// ```
/// use caribou_model::{Architecture, FunctionSpec, Seconds};
/// use caribou_solver::model::power::execution_energy;
///
/// let one_vcpu = FunctionSpec::new("resize");
/// let busy = execution_energy(&one_vcpu, Seconds(3600.0), Some(Seconds(3600.0)));
/// assert!((busy.0 - (3.5 + 0.3725 * 1769.0 / 1024.0) / 1000.0).abs() < 1e-12);
/// ```
pub fn execution_energy(spec: &FunctionSpec, billed: Seconds, cpu: Option<Seconds>) -> KilowattHours {
    let limit = vcpus(spec) * billed.0;
    let cpu_s = cpu.map_or(ASSUMED_UTILISATION * limit, |cpu| cpu.0.min(limit));
    let computing_w = full_w_per_vcpu(spec) - idle_w_per_vcpu(spec);
    KilowattHours((waiting_w(spec) * billed.0 + computing_w * cpu_s) / JOULES_PER_KWH)
}

/// kWh, overhead included, for each second that a stage uses in a region.
pub(crate) fn of_stage(spec: &FunctionSpec, region: &RegionFacts, speed: f64) -> NodeUse {
    let waiting = waiting_w(spec) / JOULES_PER_KWH * region.pue;
    let computing = (full_w_per_vcpu(spec) - idle_w_per_vcpu(spec)) / JOULES_PER_KWH * region.pue;
    NodeUse { user_s: waiting / speed, shim_s: waiting, cpu_s: computing / speed, ..NodeUse::default() }
}

/// kWh, overhead included, of an instance that waits in a region.
pub(crate) fn of_waiting(spec: &FunctionSpec, region: &RegionFacts, seconds: f64) -> f64 {
    waiting_w(spec) / JOULES_PER_KWH * region.pue * seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unmeasured_function_counts_as_half_busy() {
        let spec = FunctionSpec::new("f");
        let hour = Seconds(3600.0);
        let measured = execution_energy(&spec, hour, Some(Seconds(1800.0)));
        assert_eq!(execution_energy(&spec, hour, None), measured);
    }

    #[test]
    fn a_graviton_draws_less_at_every_load() {
        let mut arm = FunctionSpec::new("f");
        arm.architecture = Architecture::Arm64;
        let x86 = FunctionSpec::new("f");
        let hour = Seconds(3600.0);
        for (cpu, saved_w) in [(0.0, 0.74 - 0.4743), (3600.0, 3.5 - 1.693)] {
            let [of_x86, of_arm] =
                [&x86, &arm].map(|spec| execution_energy(spec, hour, Some(Seconds(cpu))).0);
            assert!((of_x86 - of_arm - saved_w / 1000.0).abs() < 1e-12, "{of_x86} and {of_arm}");
        }
    }

    #[test]
    fn no_more_cpu_time_counts_than_the_vcpus_could_give() {
        let spec = FunctionSpec::new("f");
        let full = execution_energy(&spec, Seconds(1.0), Some(Seconds(1.0)));
        assert_eq!(execution_energy(&spec, Seconds(1.0), Some(Seconds(2.0))), full);
    }
}
