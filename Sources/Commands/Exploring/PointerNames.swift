import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// What pointers in values lead to, as text: a task, a cgroup, a program, a map, and else a symbol.
struct PointerNames {
  fileprivate var symbols: SymbolNames
  fileprivate var referents: [UInt64: Referent] = [:]

  /// Nil for an address that leads to nothing with a name.
  func text(_ address: UInt64) -> String? {
    referents[address]?.text ?? symbols.text(address)
  }
}

extension Referent {
  var text: String {
    switch self {
    case .task(let pid, let comm): "\(comm) (pid \(pid))"
    case .cgroup(let path): "cgroup \(path)"
    case .program(let id, let name): "program \(id) \(name)"
    case .map(let id, let name): "map \(id) \(name)"
    case .device(let device): "device \(device.ifindex) \(device.name)"
    case .inode(let number, let fileSystem): "inode \(number) of \(fileSystem)"
    case .cpus(let cpus): cpus.isEmpty ? "no CPU" : "CPUs \(cpus.ranges)"
    }
  }
}

extension [Int] {
  /// Ascending numbers as the kernel writes sets of CPUs: `0-3,5`.
  var ranges: String {
    var runs: [ClosedRange<Int>] = []
    for number in self {
      if let last = runs.last, number == last.upperBound + 1 {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}

extension Session {
  /// The names of what the pointers in values lead to, in a snapshot of their own. The answer is
  /// there already: it does not fail for a name.
  ///
  /// - Parameter values: each with the types that its pointers are of.
  func pointerNames(
    of values: [(value: KernelValue, btf: BTF)], in kernel: GuestKernel
  ) -> PointerNames {
    let addresses = values.flatMap(\.value.addresses)
    var names = PointerNames(symbols: symbolNames(of: addresses, in: kernel))
    var targets: [KernelVirtualAddress: String] = [:]
    for (value, btf) in values {
      for pointer in value.pointers where pointer.address.rawValue >> 63 == 1 {
        let (btf, type) = btf.counterpart(of: pointer.type, in: kernel.btf)
        guard targets.count < Self.mostReferents,
          let name = try? btf.name(of: try btf.resolve(type)),
          btf === kernel.btf, Referent.structNames.contains(name)
        else { continue }
        targets[pointer.address] = name
      }
    }
    guard !targets.isEmpty else { return names }
    let wanted = targets.sorted { $0.key < $1.key }
    let snapshot = try? walk(kernel) { walk throws(ReadFault) in
      try walk.view.each(wanted) { target throws(ReadFault) in
        try walk.readableReferent(at: target.key, structName: target.value)
      }
    }
    guard let snapshot else { return names }
    for (target, referent) in zip(wanted, count(snapshot).value) {
      names.referents[target.key.rawValue] = referent
    }
    return names
  }

  /// More pointers than this of one answer are left without a name.
  private static let mostReferents = 1024
}

extension Walk {
  /// Nil, too, where what would say it is damaged.
  fileprivate func readableReferent(
    at address: KernelVirtualAddress, structName: String
  ) throws(ReadFault) -> Referent? {
    do throws(ReadFault) {
      return try referent(at: address, structName: structName)
    } catch .unreadable {
      return nil
    }
  }
}

extension KernelValue {
  /// The pointers that the value has.
  fileprivate var pointers: [Pointer] {
    switch self {
    case .pointer(let pointer): [pointer]
    case .fields(let fields): fields.flatMap(\.value.pointers)
    case .elements(let elements): elements.flatMap(\.pointers)
    default: []
    }
  }
}
