import Testing

@testable import Commands

@Suite struct VarExpressionTests {
  @Test(
    arguments: [
      ("count", "count", ""), ("stats[2].cnt", "stats", "[2].cnt"), ("ctx->lock", "ctx", "lock"),
      ("ctx.a.b", "ctx", "a.b"), ("nr_*", "nr_queued", ""), ("s[a-z]x[0x1]", "sbx", "[1]"),
      ("a?[1][2]", "ab", "[1][2]"), ("code.____fmt", "code.____fmt", ""),
      ("code.last[1].x", "code.last", "[1].x"), ("code.last.x", "code", "last.x"),
      ("code.last.x", "code.last", "x"), ("a.*", "a.b", ""),
      ("n*.x", "na.x", ""), ("n*.x", "na", "x"),
    ])
  func aNameAndAPath(text: String, name: String, path: String) throws {
    let expression = try #require(VarExpression(text))
    #expect(expression.path(from: name)?.description == path)
    #expect(expression.path(from: "x" + name) == nil)
  }

  @Test(arguments: ["", ".cnt", "[2]", "a..b", "a->", "a.b c"])
  func whatIsNone(text: String) {
    #expect(VarExpression(text) == nil)
  }

  @Test func namesNearByAreOffered() {
    let all = ["nr_queued", "nr_running", "total", "total"]
    #expect(VarExpression("nr_enqueued")?.near(all) == ["nr_queued", "nr_running"])
    #expect(VarExpression("totals[1]")?.near(all) == ["total"])
    #expect(VarExpression("zzz")?.near(all) == ["nr_queued", "nr_running", "total"])
    #expect(VarExpression("zzz")?.near([]) == [])
  }
}
