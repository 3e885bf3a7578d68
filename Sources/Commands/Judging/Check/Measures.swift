extension JSON {
  /// The answer with what follows from the numbers of each program in it: `ns_per_call`, null for one
  /// that has not run, and `miss_rate`, null where the kernel counts no misses.
  var withMeasures: JSON {
    switch self {
    case .array(let elements): return .array(elements.map(\.withMeasures))
    case .object(let members):
      let inner = JSON.object(members.map { .init(key: $0.key, value: $0.value.withMeasures) })
      guard let cnt = (self["cnt"] ?? self["run_cnt"])?.double,
        let nsecs = (self["nsecs"] ?? self["run_time_ns"])?.double
      else { return inner }
      let misses = (self["misses"] ?? self["recursion_misses"])?.double
      let runs = misses.map { cnt + $0 }
      return inner.adding([
        "ns_per_call": cnt > 0 ? .number(nsecs / cnt) : .null,
        "miss_rate": runs.map { .number($0 > 0 ? (misses ?? 0) / $0 : 0) } ?? .null,
      ])
    default: return self
    }
  }

  /// Numbers of programs that say whether they have become worse; the others grow with time.
  static let measuresOfPrograms = [
    "verified_insns", "ns_per_call", "miss_rate", "bytes_xlated", "bytes_jited", "bytes_memlock",
  ]
}
