/// A part of the program that is given inputs.
struct Target: Sendable {
  let name: String
  /// What need not be done for each input.
  let prepare: @Sendable () throws -> FuzzTarget
  /// Inputs to begin with.
  let seeds: @Sendable () throws -> [[UInt8]]
}

/// All of them: the parsers first, and then the walkers.
let targets =
  [
    parser("packets", packets), parser("target-xml", targetDescription),
    parser("monitor", monitorText), parser("btf", types), parser("kallsyms", kallsyms),
    parser("elf", elf), parser("image", kernelImage),
    Target(name: "cache", prepare: { cacheFile }, seeds: cacheSeeds),
    Target(name: "scripts", prepare: scripts, seeds: { scriptSeeds }),
    Target(name: "recall", prepare: recall, seeds: recallSeeds),
  ]
  + walkers.map { walker in
    Target(name: walker.name, prepare: walker.target, seeds: walker.seeds)
  }

private func parser(_ name: String, _ parse: @escaping FuzzTarget) -> Target {
  Target(name: name, prepare: { parse }, seeds: { inputs(of: name) })
}
