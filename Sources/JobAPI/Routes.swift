/// The whole HTTP API on one page: each route's method and path, shared by the daemon and its clients.
///
/// `{id}` stands for a ``JobID``. A job of another client answers exactly as one that does not exist. What goes
/// wrong answers ``ProblemReply`` as ``MediaType/problem``, but for the 404 of `status` and `output`: no body.
public enum Route: String, CaseIterable, Sendable {
  /// The job's state: ``StatusReply``. `?wait=30s` holds the reply until the state is not `running` any more.
  case status = "GET /jobs/{id}/status"
  /// Creates a job: ``CreateRequest`` in, ``CreateReply`` out. A retry with the same `Idempotency-Key` header gives
  /// the same job; with another body 422.
  case create = "PUT /jobs"
  /// Both streams as text: ``OutputReply``.
  case output = "GET /jobs/{id}/output"
  /// Ends the job's whole tree, removes output and record, then answers 200 without body.
  case delete = "DELETE /jobs/{id}"

  /// A stream's bytes, ``MediaType/octets``; `Range`, `?follow=1`, `?offset=N`, `?tail=LINES`, `?tail_bytes=N`.
  case stdout = "GET /jobs/{id}/stdout"
  case stderr = "GET /jobs/{id}/stderr"
  /// Both streams in order of arrival, as ``MediaType/ndjson`` of ``LogChunk`` or ``MediaType/frames`` of
  /// ``LogFrame``: `?follow=1`, `?since=`, `?tail=LINES`, `?stdout=OFFSET&stderr=OFFSET`. `?writer=TEXT`, with `follow`: for as
  /// long as this reply goes on, nobody else writes into the job's terminal; `?take_over=1`: not even whoever does now.
  case log = "GET /jobs/{id}/log"

  /// Everything known of the job: ``JobDetail``.
  case detail = "GET /jobs/{id}"
  /// The client's jobs, newest first, and who asks: ``JobList``. `?state=`, `?label=K=V` (repeatable), `?since=`, `?match=TEXT` (ids
  /// that begin or end so), `?limit=N`, `?cursor=`; `?usage=1`: with what those that run use now.
  case list = "GET /jobs"
  /// Creates up to 1,000 jobs: ``BatchRequest`` in, ``BatchReply`` out. With an `Idempotency-Key` a retry gives, for
  /// each place in the batch, the same job.
  case batch = "POST /jobs:batch"

  /// Creates a job and answers with its end: ``RunRequest`` in, ``RunReply`` out, or by `Accept` its log as it comes, as
  /// ``log``'s, with the job's id in the header `Job-Id` and its state at the end. `?wait=30s`: at most for so long; then
  /// 202 with ``RunReply`` without output, and the job goes on. With an `Idempotency-Key` a retry gives the same result.
  case run = "POST /jobs:run"

  /// Feeds standard input of a job created with `stdin_open`; it is closed at the body's end unless `?close=0`.
  /// `?offset=N`: the body's place in all of the input; bytes that came before are not written again, so that a
  /// request whose reply was lost can be repeated. `?progress=10s`: interim replies (104) say in `Upload-Offset` how far
  /// the job has the input, as it gets on and at least so often.
  /// `?writer=TEXT`: of a job's terminal, as whom ``log`` knows who writes into it.
  case stdin = "PUT /jobs/{id}/stdin"
  /// Changes the size of a job's terminal, which its programs are told by WINCH: ``TerminalSize`` in, `{}` out. `?writer=TEXT`
  /// as of ``stdin``.
  case resize = "POST /jobs/{id}/resize"
  /// Sends a signal: ``SignalRequest`` in, `{}` out.
  case signal = "POST /jobs/{id}/signal"
  /// TERM, grace, KILL; keeps record and output: ``StopRequest`` in (or no body), ``StatusReply`` out once it ended.
  case stop = "POST /jobs/{id}/stop"
  /// What happened to the client's jobs: ``JobEvent`` as ``MediaType/ndjson`` or ``MediaType/eventStream``.
  /// `?after=SEQ` or `?after=now`, `?follow=1`; with `?client=*` those of all clients, from now on alone.
  case events = "GET /events"
  /// The runners that may launch the client's jobs: ``RunnersReply``.
  case runners = "GET /runners"
  /// What the daemon counts, as ``MediaType/prometheus``, for clients that its configuration names; to others the route
  /// is unknown.
  case metrics = "GET /metrics"
  /// This API as OpenAPI 3.1.
  case description = "GET /openapi.json"
  /// The web page, and what it is made of beside its HTML.
  case page = "GET /"
  case pageFile = "GET /page/{file}"

  /// The method of the request.
  public var method: String { String(rawValue.prefix { $0 != " " }) }
  /// The path, with `{id}` in it where the route is a job's, or the name of another part that varies.
  public var template: Substring { rawValue.drop { $0 != " " }.dropFirst() }
  /// Whether the path names a job.
  public var namesJob: Bool { rawValue.contains("{id}") }

  /// The request's target for a job.
  public func target(_ id: JobID, _ query: Query = Query()) -> String {
    let tail = template.drop { $0 != "}" }.dropFirst()
    return "/jobs/\(id)\(tail)\(query)"
  }

  /// The request's target for a route that names no job.
  public func target(_ query: Query = Query()) -> String { "\(template)\(query)" }
}

/// Media types of the API.
public enum MediaType {
  public static let json = "application/json"
  /// RFC 9457.
  public static let problem = "application/problem+json"
  public static let octets = "application/octet-stream"
  /// One JSON object a line.
  public static let ndjson = "application/x-ndjson"
  /// Server-sent events.
  public static let eventStream = "text/event-stream"
  /// Prometheus' text exposition format.
  public static let prometheus = "text/plain; version=0.0.4; charset=utf-8"
  /// ``LogFrame``s, one after the other.
  public static let frames = "application/vnd.jobd.frames"
}
