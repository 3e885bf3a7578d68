import Foundation
import Testing

extension LiveTests {
  /// Symbols, objects, addresses and memory against what the guest says of itself, and against
  /// what gdb says over the same stub.
  @Suite(.timeLimit(.minutes(5))) struct ExploringTests {
    /// One that is not up fails, and is not passed over.
    static let guests = ["x86-6.1", "x86-7", "arm64-6.12"].map { LiveGuest($0) }

    /// The guest's own words of its kernel.
    private struct Truth {
      var kernel: [String: Any]
      var symbols: [String: UInt64]
      var values: [String: UInt64]
      var iomem: [(name: String, range: ClosedRange<UInt64>)]

      init(_ guest: LiveGuest) throws {
        kernel = try #require(try guest.truth("kernel").first)
        symbols = try Self.numbers(kernel["symbols"])
        values = try Self.numbers(kernel["values"])
        iomem = try guest.truth("iomem").map { row in
          let start = try #require(UInt64(hex: row["start"]))
          let end = try #require(UInt64(hex: row["end"]))
          return (try #require(row["name"] as? String), start...end)
        }
        try #require(!symbols.isEmpty && !iomem.isEmpty)
      }

      private static func numbers(_ value: Any?) throws -> [String: UInt64] {
        try #require(value as? [String: String]).compactMapValues { UInt64(hex: $0) }
      }
    }

    /// Runs lines over one session; returns the document that each answers.
    private func documents(
      _ guest: LiveGuest, _ lines: [String], options: [String] = []
    ) throws -> [Any] {
      let arguments = options + ["-j"] + lines.flatMap { ["-e", $0] }
      let result = try Program(guest, arguments).run()
      #expect(result.status == 0, "\(result.err)")
      let documents = try result.out.split(separator: "\n").map {
        try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
      }
      try #require(documents.count == lines.count)
      return documents
    }

    // MARK: The guest's own word

    @Test(arguments: guests)
    func symbolsAreThoseOfKallsyms(guest: LiveGuest) throws {
      let symbols = try Truth(guest).symbols.sorted { $0.key < $1.key }
      let found = try documents(guest, symbols.map { "sym " + $0.key })
      for (symbol, document) in zip(symbols, found) {
        let rows = try #require(document as? [[String: Any]])
        #expect(rows.count == 1, "\(symbol.key)")
        #expect(UInt64(hex: rows.first?["address"]) == symbol.value, "\(symbol.key)")
        #expect(rows.first?["symbol"] as? String == symbol.key)
      }
    }

    @Test(arguments: guests)
    func theNearestSymbolBelowAnAddressAndTheOffset(guest: LiveGuest) throws {
      let symbols = try Truth(guest).symbols
      for name in ["init_task", "linux_banner", "prog_idr"] {
        let address = try #require(symbols[name])
        let rows = try documents(guest, ["sym \(hex(address + 6))", "sym \(name)+6"])
        for document in rows {
          let row = try #require((document as? [[String: Any]])?.first)
          #expect(row["symbol"] as? String == name)
          #expect(row["offset"] as? Int == 6)
          #expect(UInt64(hex: row["address"]) == address + 6)
        }
      }
    }

    @Test(arguments: guests)
    func objectsHoldWhatTheGuestSaysOfItself(guest: LiveGuest) throws {
      let truth = try Truth(guest)
      let kernel = truth.kernel
      let found = try documents(
        guest,
        [
          "print uts_namespace init_uts_ns .name.release",
          "print uts_namespace init_uts_ns .name.version",
          "print uts_namespace init_uts_ns .name.machine", "print task_struct init_task .comm",
          "print task_struct init_task .pid", "print idr prog_idr .idr_next",
          "print 'unsigned int' nr_cpu_ids", "read -t string linux_banner 512",
        ])
      #expect(found[0] as? String == kernel["release"] as? String)
      #expect(found[1] as? String == kernel["version"] as? String)
      #expect(found[2] as? String == kernel["machine"] as? String)
      #expect(found[3] as? String == "swapper/0")
      #expect(found[4] as? Int == 0)
      #expect(found[5] as? Int == kernel["idr_next"] as? Int)
      #expect(found[6] as? Int == kernel["nr_cpu_ids"] as? Int)
      let banner = (found[7] as? [[String: String]])?.first?["string"]
      #expect(banner?.trimmingCharacters(in: .newlines) == kernel["banner"] as? String)
    }

    @Test(arguments: guests)
    func variablesHoldWhatTheGuestSaysOfThem(guest: LiveGuest) throws {
      let truth = try Truth(guest)
      let known = truth.values.filter { truth.symbols[$0.key] != nil }.sorted { $0.key < $1.key }
      #expect(!known.isEmpty)
      let read = try documents(
        guest, known.flatMap { ["read -t x8 \($0.key) 8", "print u64 \($0.key)"] })
      for (index, variable) in known.enumerated() {
        let rows = try #require(read[2 * index] as? [[String: Any]])
        let words = try #require(rows.first?["words"] as? [String])
        #expect(words.map { UInt64(hex: $0) } == [variable.value], "\(variable.key)")
        #expect((read[2 * index + 1] as? NSNumber)?.uint64Value == variable.value)
      }
      // Each CPU's own number, in its own memory.
      let cpus = try #require(truth.kernel["cpus"] as? Int)
      let numbers = try documents(guest, (0..<cpus).map { "print rq runqueues@\($0) .cpu" })
      #expect(numbers.map { $0 as? Int } == (0..<cpus).map { $0 })
    }

    /// Two ways of the kernel's to the same tasks: the list of all, and the numbers of each.
    @Test(arguments: guests)
    func tasksOfTheListAreThoseOfTheirPids(guest: LiveGuest) throws {
      let list = "print task_struct init_task --list .tasks .pid,.tgid,.comm"
      let tasks = try #require(try documents(guest, [list])[0] as? [[String: Any]])
      #expect(tasks.first?["comm"] as? String == "swapper/0")
      #expect(tasks.first?["pid"] as? Int == 0)
      // PID 1 is guest/init, which has started guest/loader.
      #expect(tasks.contains { $0["pid"] as? Int == 1 && $0["comm"] as? String == "init" })
      #expect(tasks.contains { $0["comm"] as? String == "loader" })
      #expect(tasks.allSatisfy { $0["pid"] as? Int == $0["tgid"] as? Int })
      // Workers of the kernel come and go.
      let staying = tasks.dropFirst().filter {
        ($0["comm"] as? String)?.hasPrefix("kworker") == false
      }.suffix(5)
      #expect(staying.count == 5)
      let addresses = try documents(
        guest, staying.map { "translate task:\($0["pid"] as? Int ?? 0)" })
      for (task, address) in zip(staying, addresses) {
        #expect((address as? [String: Any])?["address"] as? String == task["address"] as? String)
      }
    }

    /// Every kind of object that has a number leads to one that says the same number.
    @Test(arguments: guests)
    func objectsHaveTheNumberByWhichTheyAreFound(guest: LiveGuest) throws {
      let programs = try guest.truth("prog").compactMap { $0["id"] as? Int }
      let maps = try guest.truth("map").compactMap { $0["id"] as? Int }
      try #require(!programs.isEmpty && !maps.isEmpty)
      let lines =
        programs.map { "print bpf_prog prog:\($0) ->aux.id" }
        + maps.map { "print bpf_map map:\($0) .id" }
      #expect(try documents(guest, lines).map { $0 as? Int } == programs + maps)
    }

    /// guest/init mounts these.
    @Test(arguments: guests)
    func aListFromItsHeadHasItsElementsOnly(guest: LiveGuest) throws {
      let found = try documents(
        guest,
        [
          "print super_block super_blocks --list .s_list .s_id,.s_type->name,.s_magic",
          "print net net_namespace_list --list .list .ns.inum", "sym init_net",
        ])
      let mounts = try #require(found[0] as? [[String: Any]])
      let names = Set(mounts.compactMap { $0["s_id"] as? String })
      #expect(names.isSuperset(of: ["proc", "sysfs", "tracefs", "cgroup2"]), "\(names)")
      #expect(mounts.allSatisfy { ($0["s_magic"] as? Int ?? 0) > 0 })
      // The first network namespace is the kernel's own. Numbers of namespaces begin at
      // PROC_DYNAMIC_FIRST, 0xf0000000, or, of the initial ones, a little below it.
      let spaces = try #require(found[1] as? [[String: Any]])
      let first = (found[2] as? [[String: Any]])?.first
      #expect(spaces.first?["address"] as? String == first?["address"] as? String)
      #expect(spaces.allSatisfy { ($0["ns.inum"] as? Int ?? 0) >= 0xefff_fff0 })
    }

    @Test(arguments: guests)
    func addressesLeadToTheRAMThatIomemNames(guest: LiveGuest) throws {
      let truth = try Truth(guest)
      let places = [
        ("_stext", "Kernel code"), ("init_task", "Kernel data"), ("prog_idr", "Kernel data"),
        ("linux_banner", "Kernel rodata"),
      ].filter { place in
        truth.symbols[place.0] != nil && truth.iomem.contains { $0.name == place.1 }
      }
      // arm64 has no rodata there, but code and data.
      #expect(places.count >= 3)
      let mappings = try documents(guest, places.map { "translate \($0.0)" })
      var physical: [UInt64] = []
      for (place, document) in zip(places, mappings) {
        let mapping = try #require(document as? [String: Any])
        let address = try #require(UInt64(hex: mapping["physical"]))
        #expect(UInt64(hex: mapping["address"]) == truth.symbols[place.0])
        #expect(
          truth.iomem.contains { $0.name == place.1 && $0.range.contains(address) }, "\(place)")
        #expect(truth.iomem.contains { $0.name == "System RAM" && $0.range.contains(address) })
        #expect(mapping["executable"] as? Bool == (place.1 == "Kernel code"), "\(place)")
        #expect(mapping["writable"] as? Bool == (place.1 == "Kernel data"), "\(place)")
        physical.append(address)
      }
      // The same bytes either way, of one instant.
      let lines = zip(places, physical).flatMap {
        ["read \($0.0) 256", "pread \(hex($1)) 256"]
      }
      let read = try documents(guest, lines, options: ["--hold"])
      for index in places.indices {
        let bytes = (0...1).map { (read[2 * index + $0] as? [[String: Any]])?.first?["bytes"] }
        #expect(bytes[0] as? String == bytes[1] as? String, "\(places[index])")
        #expect((bytes[0] as? String)?.count == 512)
      }
      #expect(try guest.qmp.runs)
    }

    /// Wherever the tables of a boot lie: each row on screen has the words of the document's level,
    /// below a heading of the same columns.
    @Test(arguments: LiveGuest.resting)
    func theScreenOfTranslateSaysWhatItsDocumentSays(guest: LiveGuest) throws {
      let addresses = ["_stext", "bpf_stats_enabled_key"]
      let result = try Program(
        guest, addresses.flatMap { ["-e", "translate \($0)", "-e", "-j translate \($0)"] }
      ).run()
      #expect(result.status == 0, "\(result.err)")
      var rest = result.out.split(separator: "\n")[...]
      for _ in addresses {
        let lines = rest.prefix { !$0.hasPrefix("{") }.map {
          $0.components(separatedBy: "  ").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        }
        rest = rest.dropFirst(lines.count)
        let json = try #require(rest.first)
        rest = rest.dropFirst()
        let document = try #require(
          try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let levels = try #require(document["levels"] as? [[String: Any]])
        try #require(lines.count == levels.count + 3, "\(result.out)")
        #expect(lines[0][0] == document["address"] as? String)
        #expect(lines[1] == ["LEVEL", "TABLE", "INDEX", "ENTRY", "FLAGS", "LEADS TO"])
        for (row, level) in zip(lines[2...], levels) {
          try #require(row.count == 6, "\(result.out)")
          #expect(row[0] == level["level"] as? String)
          #expect(row[1] == level["table"] as? String)
          #expect(Int(row[2]) == level["index"] as? Int)
          #expect(UInt64(hex: row[3]) == UInt64(hex: level["entry"]))
          let flags = (level["flags"] as? [String])?.joined(separator: " ")
          #expect(row[4] == (flags == "" ? "-" : flags))
          let target = try #require(level["leads_to"] as? String)
          #expect(row[5].hasSuffix(" " + target), "\(row[5])")
        }
        #expect(lines.last?.first == "physical \(document["physical"] ?? "")")
      }
    }

    // MARK: gdb

    @Test(.enabled(if: GDB.isInstalled, GDB.absence))
    func gdbSaysTheSameOverTheSameStub() throws {
      let guest = LiveGuest("x86-6.1")
      let truth = try Truth(guest)
      // Both see the same instant.
      let qmp = try guest.qmp
      try qmp.execute("stop")
      defer { _ = try? qmp.execute("cont") }
      let offsets = try #require(truth.kernel["per_cpu_offset"] as? [String])
      let addresses =
        ["linux_banner", "init_task", "prog_idr", "_stext"].compactMap { truth.symbols[$0] }
        + [try #require(truth.values["page_offset_base"]) + 0x10_0000]
        + offsets.compactMap { UInt64(hex: $0) }
      let lines = ["regs"] + addresses.map { "read -t x8 \(hex($0)) 128" }
      let ours = try documents(guest, lines, options: ["--leave-stopped"])
      #expect(try qmp.status == "paused")

      let cpus = 0..<(try #require(truth.kernel["cpus"] as? Int))
      let names = ["cr0", "cr3", "cr4", "efer", "rip", "rsp", "gs_base", "rax"]
      let asked = cpus.flatMap { cpu in
        names.map { "thread apply \(cpu + 1) -q info registers \($0)" }
      }
      let theirs = try GDB.run(guest.target, asked + addresses.map { "x/16gx \(hex($0))" })

      let registers = try #require(ours[0] as? [[String: Any]])
      for (index, text) in theirs.prefix(asked.count).enumerated() {
        let (cpu, name) = (index / names.count, names[index % names.count])
        let values = try #require(registers[cpu]["registers"] as? [String: String])
        // `cr3  0x1104000  [ PDBR=4356 PCID=0 ]`
        let words = text.split(whereSeparator: \.isWhitespace)
        #expect(words.first == Substring(name), "\(text)")
        #expect(UInt64(hex: words[1]) == UInt64(hex: values[name]), "\(name) of vCPU \(cpu)")
      }
      for (index, address) in addresses.enumerated() {
        let rows = try #require(ours[index + 1] as? [[String: Any]])
        let words = try #require(rows.first?["words"] as? [String]).map { UInt64(hex: $0) }
        #expect(words.count == 16)
        #expect(words == GDB.words(theirs[asked.count + index]), "\(hex(address))")
      }
    }

    /// What gdb leaves behind in the stub must not trouble us.
    @Test(.enabled(if: GDB.isInstalled, GDB.absence))
    func afterGDBTheGuestIsReadAndRunsOn() throws {
      let guest = LiveGuest("x86-6.1")
      _ = try GDB.run(guest.target, ["info threads"])
      #expect(try guest.qmp.runs)
      let found = try documents(guest, ["hold", "print task_struct init_task .comm", "resume"])
      #expect(found[1] as? String == "swapper/0")
      #expect(try guest.qmp.runs)
    }
  }
}

private func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

extension UInt64 {
  /// A number as JSON and gdb carry it: `0x…`.
  init?(hex text: Any?) {
    guard let text = (text as? String) ?? (text as? Substring).map(String.init),
      text.hasPrefix("0x")
    else { return nil }
    self.init(text.dropFirst(2), radix: 16)
  }
}
