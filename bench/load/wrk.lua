-- Has wrk say last what the runner reads, in a line of JSON. Nothing here runs for each request.

function done(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format('{"operations": %d, "seconds": %.6f, "failed": %d}\n',
        summary.requests, summary.duration / 1e6, failed))
end
