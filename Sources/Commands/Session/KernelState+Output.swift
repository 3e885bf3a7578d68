import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension KernelState {
  var vcpusJSON: JSON {
    .array(
      vcpus.map { vcpu in
        func json(
          _ place: String, _ release: String?, _ textBase: KernelVirtualAddress?,
          reason: String? = nil
        ) -> JSON {
          [
            "cpu": JSON(vcpu.id), "in": .string(place), "release": JSON(release),
            "text_base": JSON(textBase?.rawValue.hex), "reason": JSON(reason),
          ]
        }
        return switch vcpu.place {
        case .kernel: json("this_kernel", kernel.release, kernel.textBase)
        case .anotherKernel(let release, let base): json("other_kernel", release, base)
        case .noKernel(let reason): json("no_kernel", nil, nil, reason: reason)
        }
      })
  }
}

extension VCPU.Place {
  var text: String {
    switch self {
    case .kernel: "in this kernel"
    case .anotherKernel(let release, let textBase):
      "in another kernel, \(release ?? "which is booting") at \(textBase.rawValue.hex)"
    case .noKernel(let reason): "in no kernel that could be found: \(reason)"
    }
  }
}

extension [VCPU] {
  /// A line for the vCPUs of each place: their numbers, and where they are.
  var places: [(cpus: String, text: String)] {
    var groups: [(cpus: [Int], place: VCPU.Place)] = []
    for vcpu in self {
      if let index = groups.firstIndex(where: { $0.place == vcpu.place }) {
        groups[index].cpus.append(vcpu.id)
      } else {
        groups.append(([vcpu.id], vcpu.place))
      }
    }
    return groups.map { cpus, place in
      let isStretch = cpus.count > 2 && cpus[cpus.count - 1] - cpus[0] == cpus.count - 1
      let text =
        isStretch
        ? "\(cpus[0]) to \(cpus[cpus.count - 1])"
        : cpus.map { "\($0)" }.joined(separator: ", ")
      return (text, place.text)
    }
  }
}
