# The notebooks in JupyterLab, and the commands, on x86-64 and 64-bit Arm:
#     docker build -t d2l_mlp .
#     docker run --rm -p 8888:8888 d2l_mlp
#     docker run --rm d2l_mlp train --epochs 3
ARG BASE=debian:trixie-slim
FROM $BASE

RUN apt-get update \
    # In place of Arm's own libraries; Debian for Arm has no libquadmath0
    && case $(uname -m) in aarch64) own="liblapacke libopenblas0-openmp" ;; *) own=libquadmath0 ;; esac \
    && apt-get install -y --no-install-recommends dataset-fashion-mnist libgomp1 $own python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --shell /bin/bash reader
USER reader
WORKDIR /home/reader
ENV PATH=/home/reader/.venv/bin:$PATH PIP_NO_CACHE_DIR=1
RUN python3 -m venv .venv

# These files name what is installed: another change of the code reuses this layer.
COPY --chown=reader setup.cfg pyproject.toml source/
COPY --chown=reader d2l_mlp/__init__.py source/d2l_mlp/
RUN cd source && pip install '.[notebooks]' && pip install --no-deps mxnet==1.9.1 'd2l>=0.17,<1.1'
COPY --chown=reader . source
RUN cd source && pip install --no-deps --force-reinstall . && mv notebooks .. && rm -r ../source

EXPOSE 8888
ENTRYPOINT ["sh", "-c", "[ \"$1\" = jupyter ] || set -- d2l-mlp \"$@\"; exec \"$@\"", "sh"]
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
