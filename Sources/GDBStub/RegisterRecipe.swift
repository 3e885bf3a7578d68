import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// How to read registers by name: which packets, and where in their replies.
struct RegisterRecipe {
  let description: TargetDescription
  /// Where registers are in the reply to `g`.
  private let offsets: [String: Int]

  /// - Parameter allRegistersSize: bytes of the reply to `g`.
  init(_ description: TargetDescription, allRegistersSize: Int) {
    self.description = description
    offsets = description.gOffsets(replySize: allRegistersSize)
  }

  /// The packets for some registers of some vCPUs. A vCPU is selected again in each glance,
  /// because a stop changes the selection; `g` comes before any `p`, for only `g` makes QEMU fetch the
  /// registers from KVM.
  func requests(for keys: [RegisterKey]) -> [Request] {
    var requests: [Request] = []
    // QEMU up to 8.0 answers `p` only to a client that has asked for a description (gdb_has_xml).
    if keys.contains(where: isReadAlone) {
      requests.append(.readFeature(annex: TargetDescription.root, offset: 0, count: 1))
    }
    for (cpu, keys) in grouped(keys) {
      requests += [.selectThread(ThreadID(cpu + 1)), .readRegisters]
      for key in keys where isReadAlone(key) {
        guard let register = description.register(named: key.name) else { continue }
        requests.append(.readRegister(register.number))
      }
    }
    return requests
  }

  /// Reads the values out of the replies to `requests(for:)`.
  func values(
    of keys: [RegisterKey], in replies: inout ArraySlice<Reply>
  ) -> [RegisterKey: Result<UInt64, Absence>] {
    var values: [RegisterKey: Result<UInt64, Absence>] = [:]
    if keys.contains(where: isReadAlone) { replies.removeFirst() }
    for (cpu, keys) in grouped(keys) {
      let selected = replies.popFirst()
      let all = replies.popFirst()
      for key in keys {
        guard selected == .ok else {
          values[key] = .failure(
            Absence("QEMU's gdbserver does not give it: it serves the first cluster of CPUs alone"))
          if isReadAlone(key) { replies.removeFirst() }
          continue
        }
        guard let register = description.register(named: key.name) else {
          values[key] = .failure(Absence("this guest's CPUs have no register \(key.name)"))
          continue
        }
        if let offset = offsets[key.name] {
          guard case .bytes(let bytes) = all else {
            values[key] = .failure(Absence("the stub did not give the registers of vCPU \(cpu)"))
            continue
          }
          values[key] = number(bytes.bytes(at: offset, count: register.byteCount), key)
        } else if case .bytes(let bytes)? = replies.popFirst() {
          values[key] = number(bytes[...], key)
        } else {
          values[key] = .failure(Absence("the stub did not give \(key)"))
        }
      }
    }
    return values
  }

  /// True for a register that `g` does not give, and that the stub has.
  func isReadAlone(_ name: String) -> Bool {
    offsets[name] == nil && description.register(named: name) != nil
  }

  private func isReadAlone(_ key: RegisterKey) -> Bool { isReadAlone(key.name) }

  private func grouped(_ keys: [RegisterKey]) -> [(cpu: Int, keys: [RegisterKey])] {
    Dictionary(grouping: keys, by: \.cpu).sorted { $0.key < $1.key }
      .map { (cpu: $0.key, keys: $0.value) }
  }

  /// The low 64 bits of a register in guest byte order.
  private func number(
    _ bytes: ArraySlice<UInt8>?, _ key: RegisterKey
  ) -> Result<UInt64, Absence> {
    guard let bytes, !bytes.isEmpty else {
      return .failure(Absence("the stub's registers end before \(key)"))
    }
    return .success(bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
  }
}
