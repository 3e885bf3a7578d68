import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelLog
import GuestScopeLinuxKernel

/// The state of a guest's kernel, as `info` and `report` show it.
struct KernelState {
  var kernel: GuestKernel
  /// The CPU that panicked.
  var panicCPU: Int?
  /// Whether it counts the runs of BPF programs; nil where that cannot be read.
  var countsRuns: Bool?
  var vcpus: [VCPU]
  /// How far KASLR moved the kernel; nil where nothing says it.
  var kaslrOffset: UInt64?
  var taint: Taint?
  /// Looked for only where something has gone wrong, or nothing says that it has not.
  var troubles: [Trouble] = []
}

extension Session {
  /// The guest's kernel, and which one each vCPU is in now.
  func kernelState() throws -> KernelState {
    let snapshot = try ofThisBoot { kernel in
      let statistics = StatisticsSwitch(kernel)
      return try walk(kernel, vcpus: kernel.allVCPUs(try engine)) { walk throws(ReadFault) in
        let (panicCPU, countsRuns, kaslrOffset, taint) = try walk.view.together(
          kernel.panicCPU(in: walk.view), statistics?.isOn(in: walk.view) ?? nil,
          walk.kaslrOffset(), walk.taint())
        let isFine = panicCPU == nil && taint?.isDisjoint(with: .ofTrouble) ?? false
        let troubles = isFine ? [] : try walk.troubles()
        return (panicCPU, countsRuns, kaslrOffset, taint, troubles)
      }
    }
    var state = try state(panicCPU: snapshot.value.0, snapshot.registers)
    (_, state.countsRuns, state.kaslrOffset, state.taint, state.troubles) = snapshot.value
    return state
  }

  /// - Parameter registers: of the snapshot that an answer is from.
  func state(
    panicCPU: Int?, _ registers: [RegisterKey: Result<UInt64, Absence>]
  ) throws -> KernelState {
    let kernel = try kernel
    let vcpus = try kernel.vcpus(registers, try kernelFacts, in: try engine)
    let state = KernelState(kernel: kernel, panicCPU: panicCPU, vcpus: vcpus)
    note(state)
    return state
  }
}

extension Taint {
  /// What leaves words in the log.
  fileprivate static let ofTrouble: Taint = [.died, .warned, .lockedUp]
}

extension Walk {
  /// None where the log cannot be read.
  fileprivate func troubles() throws(ReadFault) -> [Trouble] {
    do throws(ReadFault) {
      return try kernelLog(ReportReading.logQuery).troubles
    } catch .unreadable {
      return []
    }
  }
}

extension KernelState {
  /// How to get at the kernel that crashed, of a crash kernel.
  ///
  /// - Parameter hasFile: this kernel's file was given.
  func wayToTheCrashed(hasFile: Bool) -> String {
    for vcpu in vcpus {
      guard case .anotherKernel(let release, _) = vcpu.place else { continue }
      return "vCPU \(vcpu.id) is in it: "
        + (hasFile
          ? "give its file with -k" + (release.map { ", that of \($0)" } ?? "")
          : "--vcpu \(vcpu.id) answers for it")
    }
    return "no vCPU is in it any more"
  }

  /// What a reader must know of a guest that is in more than one kernel; nil for any other.
  ///
  /// - Parameter hasFile: this kernel's file was given.
  func notice(hasFile: Bool) -> String? {
    let others = vcpus.filter { if case .anotherKernel = $0.place { true } else { false } }
    if let other = others.first {
      return "\(others.count == 1 ? "vCPU \(other.id) is" : "\(others.count) vCPUs are") "
        + "\(other.place.text); this answer is about \(kernel.release) at "
        + "\(kernel.textBase.rawValue.hex)"
        + (panicCPU.map { ", which crashed (panic on CPU \($0))" } ?? "")
        + (hasFile
          ? ": --vcpu \(other.id), and -k with that one's file, answers for the other"
          : ": --vcpu \(other.id) answers for the other")
    }
    guard kernel.isCrashKernel else { return nil }
    return
      "this is a crash kernel: no vCPU is in the kernel that crashed any more, and this answer "
      + "is not about that kernel"
  }
}
