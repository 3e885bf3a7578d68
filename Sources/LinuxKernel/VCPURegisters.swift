import GuestScopeGuestMemory

/// Registers of one vCPU by name, those that the source has.
struct VCPURegisters: Sendable {
  var cpu: Int
  private var values: [String: UInt64]

  init(of cpu: Int, in values: [RegisterKey: UInt64]) {
    self.cpu = cpu
    self.values = Dictionary(
      values.filter { $0.key.cpu == cpu }.map { ($0.key.name, $0.value) }, uniquingKeysWith: { $1 })
  }

  /// Of each vCPU that the values are of, ascending.
  static func all(in values: [RegisterKey: UInt64]) -> [VCPURegisters] {
    Set(values.keys.map(\.cpu)).sorted().map { VCPURegisters(of: $0, in: values) }
  }

  static func all(
    in outcomes: [RegisterKey: Result<UInt64, Absence>]
  ) -> [VCPURegisters] {
    all(in: outcomes.compactMapValues { try? $0.get() })
  }

  var isEmpty: Bool { values.isEmpty }
  var all: some Collection<UInt64> { values.values }

  /// The first of these registers that there is.
  subscript(_ names: String...) -> UInt64? { names.lazy.compactMap { values[$0] }.first }
}

extension SnapshotEngine {
  /// Registers of all vCPUs, in one sample where the limits allow.
  func registersOfAll(_ names: [String]) throws(GuestMemError) -> [VCPURegisters] {
    var values: [RegisterKey: Result<UInt64, Absence>] = [:]
    var batch: [RegisterKey] = []
    for cpu in 0..<memory.cpuCount {
      let keys = names.map { RegisterKey(cpu: cpu, name: $0) }
      // The load does not count the replies: the general registers of a vCPU are some 1200 bytes.
      let isFull =
        batch.count >= 32 * names.count || !memory.limits.admit(memory.load(of: batch + keys))
      if isFull, !batch.isEmpty {
        values.merge(try sample([], registers: batch).registers) { $1 }
        batch = []
      }
      batch += keys
    }
    values.merge(try sample([], registers: batch).registers) { $1 }
    return VCPURegisters.all(in: values)
  }
}
