import GuestScopeKernelBPF

extension CgroupPrograms {
  /// The word of bpftool for the flags of an attachment.
  fileprivate static func word(of flags: UInt32) -> String {
    switch flags {
    case 0: ""
    case 1: "override"
    case 2: "multi"
    default: "unknown(\(String(flags, radix: 16)))"
    }
  }

  var programDocuments: [JSON] {
    programs.map { type, flags, program in
      JSON.object(
        [
          .init(key: "id", value: JSON(program.id)),
          .init(key: "attach_type", value: .string(type)),
          flags.map { .init(key: "attach_flags", value: .string(Self.word(of: $0))) },
          .init(key: "name", value: .string(program.name)),
          program.attachBTFName.map { .init(key: "attach_btf_name", value: .string($0)) },
          .init(key: "attach_btf_obj_id", value: JSON(program.attachBTFObjectID)),
          .init(key: "attach_btf_id", value: JSON(program.attachBTFID)),
        ].compactMap { $0 })
    }
  }
}

/// The programs of cgroups as lines, those of a cgroup below its path.
struct CgroupScreen {
  let cgroups: [CgroupPrograms]

  init(_ cgroups: [CgroupPrograms]) { self.cgroups = cgroups }

  /// Those of one cgroup.
  var list: Answer.Screen { table.rows.isEmpty ? .lines([]) : .table(table) }

  /// Below the paths of their cgroups.
  var tree: Answer.Screen {
    guard !table.rows.isEmpty else { return .lines([]) }
    var rest = table.lines.map { "    " + $0 }[...]
    var lines = ["CGROUP", rest.removeFirst()]
    for cgroup in cgroups {
      lines.append(cgroup.path)
      lines += rest.prefix(cgroup.programs.count)
      rest = rest.dropFirst(cgroup.programs.count)
    }
    return .lines(lines)
  }

  private var table: Table {
    let programs = cgroups.flatMap(\.programs)
    // Programs that run have no flags: each is attached somewhere else.
    let hasFlags = programs.contains { $0.flags != nil }
    return Table(
      [.number("ID"), .text("ATTACH_TYPE")] + (hasFlags ? [.text("FLAGS")] : [])
        + [.name("NAME"), .text("FOR")],
      rows: programs.map { type, flags, program in
        ["\(program.id)", type]
          + (hasFlags ? [flags.map { CgroupPrograms.word(of: $0) } ?? ""] : [])
          + [program.name, program.attachBTFName ?? ""]
      })
  }
}
