import GuestScopeBytes
import GuestScopeKernelBPF

extension HealthCheck {
  static let ringFull = HealthCheck(
    name: "ring-full", about: "a ring buffer of BPF is nearly full", limit: 90, unit: "%"
  ) { health, limit in
    let rings = try health.now(\.rings).filter { $0.size > 0 }
    let fills = rings.map { ring in
      (ring, min(Double(ring.pending) / Double(ring.size) * 100, 100))
    }
    return fills.filter { $0.1 > limit }.map { ring, percent in
      .broken(
        "\(ring.name) (map \(ring.id))", JSON(shortest: percent.rounded()),
        "\(ring.pending) of \(ring.size) bytes wait for a reader")
    }.orKept(
      "checked " + counted(rings.count, "ring buffer"),
      value: JSON(shortest: fills.map { $0.1.rounded() }.max() ?? 0))
  }

  static let misses = HealthCheck(
    name: "prog-misses", about: "a program misses calls", limit: 0, unit: "a second",
    isStandard: false
  ) { health, limit in
    try health.requireMotion()
    let programs = try health.all(\.programs).map(\.objects)
    let before = Dictionary(
      programs[0].map { ($0.id, $0.runtime?.misses) }, uniquingKeysWith: { first, _ in first })
    let rates = programs[programs.count - 1].compactMap { program -> (BPFProgram, Double)? in
      guard let old = before[program.id] ?? nil, let new = program.runtime?.misses, new >= old
      else { return nil }
      return (program, Double(new - old) / max(health.seconds(of: \.programsTime), 1e-9))
    }
    guard !rates.isEmpty || programs[0].isEmpty else {
      throw CommandError("this kernel does not count misses")
    }
    return rates.filter { $0.1 > limit }.map { program, rate in
      .broken(
        "\(program.shownName) (id \(program.id))", JSON(shortest: (rate * 10).rounded() / 10),
        "misses a second")
    }.orKept("checked " + counted(rates.count, "program"))
  }
}
